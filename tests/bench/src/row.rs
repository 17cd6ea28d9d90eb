//! A figure beside its goal.

use std::fmt;

use serde_json::{Value, json};

/// What a figure should be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Goal {
    AtMost(f64),
    AtLeast(f64),
    /// The figure is only to be known.
    None,
}

/// A figure, or why there is none.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) unit: &'static str,
    pub(crate) goal: Goal,
    pub(crate) value: Result<f64, String>,
}

impl Row {
    pub(crate) fn new(
        name: impl Into<String>,
        unit: &'static str,
        goal: Goal,
        value: Result<f64, String>,
    ) -> Self {
        Self { name: name.into(), unit, goal, value }
    }

    /// By how many percent the goal is missed; zero or less when it is met.
    pub(crate) fn missed_by(&self) -> Option<f64> {
        let value = *self.value.as_ref().ok()?;
        match self.goal {
            Goal::AtMost(goal) => Some((value / goal - 1.0) * 100.0),
            Goal::AtLeast(goal) => Some((1.0 - value / goal) * 100.0),
            Goal::None => None,
        }
    }

    pub(crate) fn to_json(&self) -> Value {
        let (at_most, at_least) = match self.goal {
            Goal::AtMost(goal) => (Some(goal), None),
            Goal::AtLeast(goal) => (None, Some(goal)),
            Goal::None => (None, None),
        };
        json!({
            "name": self.name,
            "unit": self.unit,
            "value": self.value.as_ref().ok(),
            "at_most": at_most,
            "at_least": at_least,
            "met": self.missed_by().map(|percent| percent <= 0.0),
            "not_measured": self.value.as_ref().err(),
        })
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(goal) => write!(f, "<= {}", Figure(*goal)),
            Self::AtLeast(goal) => write!(f, ">= {}", Figure(*goal)),
            Self::None => Ok(()),
        }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let goal = self.goal.to_string();
        let (value, verdict) = match (&self.value, self.missed_by()) {
            (Err(reason), _) => ("-".into(), format!("not measured: {reason}")),
            (Ok(value), None) => (Figure(*value).to_string(), String::new()),
            (Ok(value), Some(percent)) if percent <= 0.0 => {
                (Figure(*value).to_string(), "met".into())
            }
            (Ok(value), Some(percent)) => {
                (Figure(*value).to_string(), format!("MISSED by {} %", Figure(percent)))
            }
        };
        let line = format!("{:<46} {value:>9} {:<13} {goal:>10}  {verdict}", self.name, self.unit);
        f.write_str(line.trim_end())
    }
}

/// A number with as many digits as are of interest.
pub(crate) struct Figure(pub(crate) f64);

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = match self.0.abs() {
            size if size >= 100.0 || size.fract() == 0.0 => 0,
            size if size >= 10.0 => 1,
            _ => 2,
        };
        write!(f, "{:.digits$}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(goal: Goal, value: Result<f64, String>) -> String {
        Row::new("boot", "ms", goal, value)
            .to_string()
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn says_whether_the_goal_is_met() {
        assert_eq!(shown(Goal::AtMost(50.0), Ok(30.12)), "boot 30.1 ms <= 50 met");
        assert_eq!(shown(Goal::AtMost(50.0), Ok(75.0)), "boot 75 ms <= 50 MISSED by 50 %");
        assert_eq!(shown(Goal::AtLeast(50.0), Ok(75.0)), "boot 75 ms >= 50 met");
        assert_eq!(shown(Goal::AtLeast(50.0), Ok(25.0)), "boot 25 ms >= 50 MISSED by 50 %");
        assert_eq!(shown(Goal::None, Ok(1.234)), "boot 1.23 ms");
        let missing = shown(Goal::AtMost(50.0), Err("no QEMU".into()));
        assert_eq!(missing, "boot - ms <= 50 not measured: no QEMU");
    }

    #[test]
    fn json_says_the_same() {
        let row = Row::new("boot", "ms", Goal::AtMost(50.0), Ok(75.0)).to_json();
        assert_eq!(
            (&row["met"], &row["value"], &row["at_most"]),
            (&json!(false), &json!(75.0), &json!(50.0))
        );
        let row = Row::new("boot", "ms", Goal::None, Err("why".into())).to_json();
        assert_eq!((&row["met"], &row["not_measured"]), (&Value::Null, &json!("why")));
    }
}
