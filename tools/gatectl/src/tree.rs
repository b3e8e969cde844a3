//! A tree of lines, drawn with branches.

/// One line and what stands below it.
#[derive(Debug, Default)]
pub struct Tree {
    text: String,
    below: Vec<Tree>,
}

impl Tree {
    pub fn new(text: impl Into<String>) -> Tree {
        Tree {
            text: text.into(),
            below: Vec::new(),
        }
    }

    pub fn add(&mut self, branch: Tree) {
        self.below.push(branch);
    }

    pub fn line(&mut self, text: impl Into<String>) {
        self.add(Tree::new(text));
    }

    /// Adds a branch unless nothing stands below it.
    pub fn add_if_any(&mut self, branch: Tree) {
        if !branch.below.is_empty() {
            self.add(branch);
        }
    }

    pub fn drawn(&self) -> String {
        let mut out = format!("{}\n", self.text);
        self.draw("", &mut out);
        out
    }

    fn draw(&self, before: &str, out: &mut String) {
        for (at, branch) in self.below.iter().enumerate() {
            let last = at + 1 == self.below.len();
            let (turn, on) = if last {
                ("└─ ", "   ")
            } else {
                ("├─ ", "│  ")
            };
            out.push_str(&format!("{before}{turn}{}\n", branch.text));
            branch.draw(&format!("{before}{on}"), out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branches_are_drawn_and_empty_ones_left_out() {
        let mut tree = Tree::new("a");
        let mut b = Tree::new("b");
        b.line("c");
        tree.add(b);
        tree.add_if_any(Tree::new("nothing below"));
        tree.line("d");
        assert_eq!(tree.drawn(), "a\n├─ b\n│  └─ c\n└─ d\n");
    }
}
