// Which reasons fit which answer, the likeliest first.
import type { Answer } from '../api';

export const ANSWERS: { answer: Answer; reasons: string[] }[] = [
  {
    answer: 'open',
    reasons: ['known_person', 'host_consents', 'delivery', 'paper_permit', 'emergency_vehicle', 'other'],
  },
  { answer: 'refuse', reasons: ['no_permit', 'not_cooperative', 'other'] },
  { answer: 'escort', reasons: ['host_consents', 'delivery', 'paper_permit', 'other'] },
  // Nothing is granted by it, so it asks for no reason.
  { answer: 'measure_again', reasons: [] },
];

export const OPENING_REASONS = ['emergency_vehicle', 'known_person', 'host_consents', 'delivery', 'paper_permit', 'other'];

export const LOCK_DOWN_REASONS = ['authority_order', 'epidemic_control', 'person_sought', 'danger_inside', 'other'];

export const CLOSING_REASONS = ['resolved', 'false_alarm', 'passed_on'];
