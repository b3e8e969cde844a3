//! The columns of each list, and every name that people give them.

use gateway_core::lists::ListName;

macro_rules! columns {
    ($($column:ident $name:literal $zh:literal [$($alias:literal)*])*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Column { $($column),* }

        impl Column {
            const ALL: &'static [Column] = &[$(Column::$column),*];

            /// As a file's header writes it.
            pub const fn name(self) -> &'static str {
                match self { $(Column::$column => $name),* }
            }

            /// As a Chinese file's header writes it.
            pub const fn zh(self) -> &'static str {
                match self { $(Column::$column => $zh),* }
            }

            const fn aliases(self) -> &'static [&'static str] {
                match self { $(Column::$column => &[$($alias),*]),* }
            }
        }
    };
}

columns! {
    Id "id" "编号" ["序号" "证号" "通行证编号" "户号" "人员编号"]
    Name "name" "姓名" ["居民" "居民姓名"]
    Title "title" "住址" ["地址" "门牌" "门牌号" "房号" "户名"]
    Plate "plate" "车牌" ["车牌号" "车牌号码" "号牌" "号牌号码"]
    Card "card" "卡号" ["卡" "门禁卡" "门禁卡号"]
    Prefix "prefix" "车牌前缀" ["前缀" "地区" "归属地"]
    Holder "holder" "持有人" ["车主" "持卡人" "业主" "姓名/房号" "访客" "访客姓名"]
    Resident "resident" "居民编号" ["住户编号"]
    Household "household" "户" ["所属户" "住户" "家庭" "接待户"]
    Reason "reason" "原因" ["关注原因" "备注" "说明"]
    ValidFrom "valid_from" "生效日期" ["开始" "开始日期" "起" "有效期起" "开始时间"]
    ValidTo "valid_to" "失效日期" ["结束" "结束日期" "止" "有效期止" "结束时间" "有效期至"]
    Days "days" "星期" ["周几" "允许星期"]
    Hours "hours" "时段" ["允许时段" "时间段"]
    Uses "uses" "次数" ["可用次数" "使用次数"]
    UsesPerDay "uses_per_day" "每日次数" ["每天次数"]
    Consent "consent" "住户同意" ["户主同意" "是否同意"]
    ExitsTimes "exits_times" "外出次数" ["出门次数"]
    ExitsDays "exits_days" "外出天数" ["周期天数" "每几天"]
}

impl Column {
    /// The column that a header's field means.
    pub fn named(header: &str) -> Option<Column> {
        let header = header
            .trim()
            .trim_end_matches(['*', '\u{ff0a}'])
            .to_lowercase();
        Column::ALL.iter().copied().find(|column| {
            column.name() == header
                || column.zh() == header
                || column.aliases().contains(&header.as_str())
        })
    }
}

const HOLDER: &[Column] = &[
    Column::Holder,
    Column::Resident,
    Column::Household,
    Column::ValidFrom,
    Column::ValidTo,
    Column::Days,
    Column::Hours,
];

/// All columns of a list, in the order in which they are written; the first is asked for always.
pub fn of(list: ListName) -> Vec<Column> {
    let with = |first: Column, rest: &[Column]| -> Vec<Column> {
        std::iter::once(first).chain(rest.iter().copied()).collect()
    };
    match list {
        ListName::Residents => with(
            Column::Id,
            &[
                Column::Name,
                Column::Household,
                Column::ValidFrom,
                Column::ValidTo,
                Column::Days,
                Column::Hours,
            ],
        ),
        ListName::Households => with(
            Column::Id,
            &[Column::Title, Column::ExitsTimes, Column::ExitsDays],
        ),
        ListName::Vehicles | ListName::EmergencyVehicles => with(Column::Plate, HOLDER),
        ListName::Cards => with(Column::Card, HOLDER),
        ListName::Visitors | ListName::Deliveries | ListName::Passes => with(
            Column::Id,
            &[
                Column::Plate,
                Column::Card,
                Column::Holder,
                Column::ValidFrom,
                Column::ValidTo,
                Column::Uses,
                Column::UsesPerDay,
                Column::Household,
                Column::Consent,
                Column::Days,
                Column::Hours,
            ],
        ),
        ListName::WatchedPlates => with(Column::Plate, &[Column::Reason]),
        ListName::WatchedAreas => with(Column::Prefix, &[Column::Reason]),
    }
}

/// Columns without which a file is not that list.
pub fn required(list: ListName) -> &'static [Column] {
    match list {
        ListName::Residents | ListName::Households => &[Column::Id],
        ListName::Vehicles | ListName::EmergencyVehicles | ListName::WatchedPlates => {
            &[Column::Plate]
        }
        ListName::Cards => &[Column::Card],
        ListName::Visitors | ListName::Deliveries | ListName::Passes => {
            &[Column::Id, Column::ValidFrom, Column::ValidTo]
        }
        ListName::WatchedAreas => &[Column::Prefix],
    }
}
