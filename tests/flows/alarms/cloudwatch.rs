//! Metrics and alarms as CloudWatch evaluates them, as far as the template uses them.

use std::collections::BTreeMap;

use serde_yaml_ng::Value as Yaml;

use super::{matches, parsed};
use crate::support::log::NAMESPACE;
use crate::template::{list, resources, text};

/// Values of metrics in one period, by namespace, name and resource. The resource is the only dimension,
/// or empty.
#[derive(Debug, Clone, Default)]
pub struct Period(BTreeMap<(String, String, String), Vec<f64>>);

impl Period {
    pub fn add(&mut self, namespace: &str, name: &str, owner: Option<&str>, value: f64) {
        let owner = owner.unwrap_or_default().to_owned();
        let metric = (namespace.to_owned(), name.to_owned(), owner);
        self.0.entry(metric).or_default().push(value);
    }

    /// Adds the metrics that log lines declare (CloudWatch's embedded metric format).
    pub fn add_embedded(&mut self, lines: &[String]) {
        for line in lines.iter().map(|line| parsed(line)) {
            let directives = line["_aws"]["CloudWatchMetrics"].as_array();
            for directive in directives.into_iter().flatten() {
                assert_eq!(directive["Dimensions"], serde_json::json!([[]]));
                for metric in directive["Metrics"].as_array().unwrap() {
                    let name = metric["Name"].as_str().unwrap();
                    let value = line[name].as_f64().unwrap();
                    self.add(directive["Namespace"].as_str().unwrap(), name, None, value);
                }
            }
        }
    }

    /// Adds the values that the metric filters of a log group count in its lines.
    pub fn add_filtered(&mut self, template: &Yaml, group: &str, lines: &[String]) {
        for (_, filter) in resources(template, "AWS::Logs::MetricFilter") {
            let filter = &filter["Properties"];
            if text(&filter["LogGroupName"]) != group {
                continue;
            }
            for metric in list(&filter["MetricTransformations"]) {
                let found = lines
                    .iter()
                    .filter(|line| matches(text(&filter["FilterPattern"]), line));
                let value: f64 = text(&metric["MetricValue"]).parse().unwrap();
                let namespace = named(text(&metric["MetricNamespace"]));
                for _ in found {
                    self.add(&namespace, text(&metric["MetricName"]), None, value);
                }
            }
        }
    }

    fn statistic(&self, metric: &Yaml, statistic: &str) -> Option<f64> {
        let dimensions = metric["Dimensions"].as_sequence();
        let owner = dimensions.map(|dimensions| {
            assert_eq!(dimensions.len(), 1);
            text(&dimensions[0]["Value"]).to_owned()
        });
        let key = (
            named(text(&metric["Namespace"])),
            text(&metric["MetricName"]).to_owned(),
            owner.unwrap_or_default(),
        );
        let mut values = self.0.get(&key)?.clone();
        values.sort_by(f64::total_cmp);
        match statistic {
            "Sum" => Some(values.iter().sum()),
            "p99" => values.get((values.len() * 99).div_ceil(100) - 1).copied(),
            other => panic!("{other} is not known"),
        }
    }
}

/// The namespace, with the stack's name in the tests.
fn named(namespace: &str) -> String {
    namespace.replace("Upblit/${AWS::StackName}", NAMESPACE)
}

/// Whether an alarm goes off after these periods. A period without data does not breach.
pub fn goes_off(alarm: &Yaml, periods: &[Period]) -> bool {
    assert_eq!(text(&alarm["TreatMissingData"]), "notBreaching");
    let evaluated = alarm["EvaluationPeriods"].as_u64().unwrap();
    let needed = alarm["DatapointsToAlarm"].as_u64().unwrap_or(evaluated);
    let threshold = alarm["Threshold"].as_f64().unwrap();
    let breaches = |value: f64| match text(&alarm["ComparisonOperator"]) {
        "GreaterThanOrEqualToThreshold" => value >= threshold,
        "GreaterThanThreshold" => value > threshold,
        other => panic!("{other} is not known"),
    };
    let last = periods.iter().rev().take(evaluated as usize);
    let values = last.filter_map(|period| value(alarm, period));
    values.filter(|value| breaches(*value)).count() as u64 >= needed
}

fn value(alarm: &Yaml, period: &Period) -> Option<f64> {
    let Some(metrics) = alarm["Metrics"].as_sequence() else {
        let statistic = alarm
            .get("Statistic")
            .unwrap_or(&alarm["ExtendedStatistic"]);
        return period.statistic(alarm, text(statistic));
    };
    let (returned, inputs): (Vec<&Yaml>, Vec<&Yaml>) = metrics
        .iter()
        .partition(|metric| metric["ReturnData"].as_bool() != Some(false));
    let [returned] = returned[..] else {
        panic!("one metric is compared")
    };
    let inputs = inputs.into_iter().filter_map(|metric| {
        let stat = &metric["MetricStat"];
        let value = period.statistic(&stat["Metric"], text(&stat["Stat"]))?;
        Some((text(&metric["Id"]), value))
    });
    expression(text(&returned["Expression"]), &inputs.collect())
}

/// Evaluates `SUM(METRICS())`, or an expression like `IF(a >= 5, 100 * a / b, 0)`. `None` without any
/// value.
fn expression(expression: &str, values: &BTreeMap<&str, f64>) -> Option<f64> {
    if values.is_empty() {
        return None;
    }
    if expression == "SUM(METRICS())" {
        return Some(values.values().sum());
    }
    let parts = expression
        .strip_prefix("IF(")
        .and_then(|rest| rest.strip_suffix(')'));
    let parts: Vec<&str> = parts.expect("a known expression").split(", ").collect();
    let [condition, then, otherwise] = parts[..] else {
        panic!("{expression}")
    };
    let (left, right) = condition.split_once(" >= ").unwrap();
    let chosen = if term(left, values) >= term(right, values) {
        then
    } else {
        otherwise
    };
    Some(product(chosen, values))
}

/// Multiplies and divides terms from left to right.
fn product(expression: &str, values: &BTreeMap<&str, f64>) -> f64 {
    let mut words = expression.split(' ');
    let mut result = term(words.next().unwrap(), values);
    while let (Some(operator), Some(right)) = (words.next(), words.next()) {
        match operator {
            "*" => result *= term(right, values),
            "/" => result /= term(right, values),
            other => panic!("{other} is not known"),
        }
    }
    result
}

fn term(word: &str, values: &BTreeMap<&str, f64>) -> f64 {
    word.parse().unwrap_or_else(|_| values[word])
}
