//! Hostile rules from a seed: half of them within every limit, half of them outside of one.

/// A condition, and whether it keeps within the limits of the guard.
pub struct Hostile {
    pub when: String,
    pub within: bool,
}

/// SplitMix64.
pub struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % sides
    }

    fn up_to(&mut self, from: usize, to: usize) -> usize {
        from + self.roll((to - from + 1) as u64) as usize
    }

    fn number(&mut self) -> &'static str {
        [
            "lists.cards_age_hours",
            "plate.confidence",
            "time.hour",
            "1",
            "1000000",
        ][self.roll(5) as usize]
    }

    fn truth(&mut self) -> &'static str {
        [
            "vehicle.listed",
            "!card.listed",
            "time.hour < 6",
            "plate.text in ['A', 'B']",
            "true",
        ][self.roll(5) as usize]
    }
}

/// As many as wanted, within and outside of the limits in turn.
pub fn rules(seed: u64) -> impl Iterator<Item = Hostile> {
    let mut dice = Dice(seed);
    (0_u64..).map(move |number| {
        let within = number % 2 == 0;
        let when = if within {
            inside(&mut dice)
        } else {
            outside(&mut dice)
        };
        Hostile { when, within }
    })
}

fn inside(dice: &mut Dice) -> String {
    match dice.roll(11) {
        // A chain of sums as long as it may be, of numbers that overflow.
        0 => {
            let terms: Vec<&str> = (0..dice.up_to(40, 62)).map(|_| dice.number()).collect();
            format!("{} > 0", terms.join("+"))
        }
        1 => {
            let depth = dice.up_to(10, 16);
            format!("{}{}{}", "(".repeat(depth), dice.truth(), ")".repeat(depth))
        }
        2 => {
            let terms: Vec<&str> = (0..dice.up_to(8, 15)).map(|_| dice.truth()).collect();
            terms.join([" && ", " || "][dice.roll(2) as usize])
        }
        // The same text again and again, and looked through.
        3 => {
            let terms = vec!["plate.text"; dice.up_to(40, 61)].join("+");
            format!("size({terms}) > 0")
        }
        4 => {
            let list = vec!["'京A'"; dice.up_to(40, 64)].join(",");
            format!("plate.text in [{list}]")
        }
        // A loop over as much as may be written.
        5 => {
            let list = vec!["'京A'"; dice.up_to(10, 60)].join(",");
            format!("[{list}].exists(p, plate.text.contains(p + p))")
        }
        6 => {
            let list = vec!["7"; dice.up_to(5, 20)].join(",");
            let sums = "+x".repeat(dice.up_to(1, 20));
            format!("[{list}].all(x, x{sums} > time.hour)")
        }
        7 => {
            let list = vec!["1"; dice.up_to(5, 12)].join(",");
            let texts = "+plate.text".repeat(dice.up_to(1, 25));
            format!("[{list}].all(x, size(plate.text{texts}) > x)")
        }
        8 => {
            let mut text = dice.truth().to_owned();
            for _ in 0..dice.up_to(3, 12) {
                text = format!("{} ? {} : ({text})", dice.truth(), dice.truth());
            }
            text
        }
        9 => format!(
            "{} / (time.hour - time.hour) > {}",
            dice.number(),
            dice.number()
        ),
        _ => format!(
            "int(double(string({}))) % 7 == {}",
            dice.number(),
            dice.number()
        ),
    }
}

fn outside(dice: &mut Dice) -> String {
    match dice.roll(12) {
        0 => format!("1{} > 0", "+1".repeat(dice.up_to(64, 900))),
        1 => {
            let depth = dice.up_to(17, 900);
            format!("{}true{}", "(".repeat(depth), ")".repeat(depth))
        }
        2 => format!("{}true", "!".repeat(dice.up_to(65, 1_900))),
        3 => {
            let depth = dice.up_to(17, 600);
            format!("{}1{} == [1]", "[".repeat(depth), "]".repeat(depth))
        }
        4 => {
            let inner =
                "[1,2].all(y, y > x)".replace("[1,2]", ["[1,2]", "[3]"][dice.roll(2) as usize]);
            format!("[1,2,3].all(x, {inner})")
        }
        5 => format!("plate.text == '{}'", "京".repeat(dice.up_to(700, 3_000))),
        6 => format!(
            "time.hour in [{}]",
            vec!["1"; dice.up_to(66, 700)].join(",")
        ),
        7 => format!("plate{}", ".text".repeat(dice.up_to(129, 380))),
        10 => format!("plate.text.matches('({}')", "a*".repeat(dice.up_to(1, 30))),
        8 => {
            let list = vec!["1"; dice.up_to(60, 64)].join(",");
            format!("plate.text.all(x, x in [{list}])")
        }
        9 => {
            let list = vec!["1"; dice.up_to(50, 60)].join(",");
            let texts = "+plate.text".repeat(dice.up_to(20, 55));
            format!("[{list}].all(x, size(plate.text{texts}) > x)")
        }
        _ => {
            let open = [
                "has(plate.text)",
                "plate.text == null",
                "b'a' == b'a' // ",
                "'''x''' == 'x'",
            ];
            open[dice.roll(4) as usize].to_owned()
        }
    }
}
