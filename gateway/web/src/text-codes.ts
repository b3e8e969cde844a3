// Codes that only the page puts into words: kinds and colours of plates, facts about lanes and
// lists, states without a code of their own. All other codes come from the gateway's own table.
import type { Text } from './text';

export const codes = {
  'verdict.none': { zh: '未判定', en: 'Undecided' },
  'end.none': { zh: '进行中', en: 'Still here' },

  'fact.absent': { zh: '未涉及', en: 'not part of it' },
  'fact.lane.id': { zh: '车道', en: 'Lane' },
  'fact.lane.kind': { zh: '车道种类', en: 'Kind of lane' },
  'fact.lane.direction': { zh: '方向', en: 'Direction' },
  'fact.lane.attended': { zh: '有人值守', en: 'Attended' },
  'fact.lane.emergency': { zh: '紧急状态', en: 'Emergency' },
  'fact.lane.healthy': { zh: '车道设备正常', en: 'Lane is well' },
  'fact.lists.vehicles_age_hours': { zh: '车辆名单已有小时数', en: 'Age of the vehicle list, h' },
  'fact.lists.cards_age_hours': { zh: '卡名单已有小时数', en: 'Age of the card list, h' },
  'fact.lists.watched_age_hours': { zh: '布控名单已有小时数', en: 'Age of the watch list, h' },
  'fact.lists.passes_age_hours': { zh: '通行证名单已有小时数', en: 'Age of the list of passes, h' },
  'truth.true': { zh: '是', en: 'yes' },
  'truth.false': { zh: '否', en: 'no' },

  'colour.blue': { zh: '蓝牌', en: 'blue' },
  'colour.yellow': { zh: '黄牌', en: 'yellow' },
  'colour.green': { zh: '绿牌', en: 'green' },
  'colour.yellow_green': { zh: '黄绿牌', en: 'yellow-green' },
  'colour.white': { zh: '白牌', en: 'white' },
  'colour.black': { zh: '黑牌', en: 'black' },
  'colour.unknown': { zh: '颜色不明', en: 'colour unknown' },
  'kind.ordinary': { zh: '普通', en: 'ordinary' },
  'kind.police': { zh: '警车', en: 'police' },
  'kind.learner': { zh: '教练车', en: 'learner' },
  'kind.trailer': { zh: '挂车', en: 'trailer' },
  'kind.hong_kong_macau': { zh: '港澳', en: 'Hong Kong or Macau' },
  'kind.consulate': { zh: '领馆', en: 'consulate' },
  'kind.embassy': { zh: '使馆', en: 'embassy' },
  'kind.new_energy_small': { zh: '小型新能源', en: 'new energy, small' },
  'kind.new_energy_large': { zh: '大型新能源', en: 'new energy, large' },
  'kind.armed_police': { zh: '武警', en: 'armed police' },
  'kind.temporary': { zh: '临时', en: 'temporary' },
  'kind.raw': { zh: '不合规则', en: 'outside the grammar' },
  'kind.vehicle': { zh: '车辆', en: 'vehicle' },
  'kind.pedestrian': { zh: '行人', en: 'pedestrian' },
  'direction.entry': { zh: '入口', en: 'entry' },
  'direction.exit': { zh: '出口', en: 'exit' },
  'site.forehead': { zh: '额头', en: 'forehead' },
  'site.wrist': { zh: '手腕', en: 'wrist' },
  'site.ear': { zh: '耳', en: 'ear' },
  'site.surface': { zh: '表面', en: 'surface' },

  // What the gateway cannot tell because it was not reached, or told in words this page lacks.
  'error.unreachable': { zh: '连不上网关,未执行。', en: 'The gateway cannot be reached; nothing was done.' },
  'error.untold': { zh: '没有成功({code})。', en: 'That did not work ({code}).' },
} satisfies Record<string, Text>;
