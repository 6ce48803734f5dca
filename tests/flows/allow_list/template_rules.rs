//! `template.yaml` refuses the same combinations of settings as the function, before anything is
//! created.

use std::collections::BTreeMap;

use serde_yaml_ng::Value;
use shared::base::environment::Env;
use shared::identity::allow_list::SignInRule;

use crate::template::{template, text};

/// The parameters of the template, with the settings that they become.
const PARAMETERS: [(&str, &str); 4] = [
    ("AllowedGitHubUsers", "ALLOWED_GITHUB_USERS"),
    ("AllowedGitHubOrganizations", "ALLOWED_GITHUB_ORGANIZATIONS"),
    ("AllowedEmailDomains", "ALLOWED_EMAIL_DOMAINS"),
    ("SignIn", "SIGN_IN"),
];

type Parameters<'a> = BTreeMap<&'a str, &'a str>;

/// Evaluates the functions of CloudFormation that the rules use.
fn holds(condition: &Value, parameters: &Parameters<'_>) -> bool {
    let Value::Tagged(tagged) = condition else {
        panic!("no function: {condition:?}");
    };
    let parts = tagged.value.as_sequence().unwrap();
    match tagged.tag.to_string().as_str() {
        "!And" => parts.iter().all(|part| holds(part, parameters)),
        "!Not" => !holds(&parts[0], parameters),
        "!Equals" => value(&parts[0], parameters) == value(&parts[1], parameters),
        other => panic!("what is {other}?"),
    }
}

fn value<'a>(part: &'a Value, parameters: &Parameters<'a>) -> &'a str {
    match part {
        Value::Tagged(tagged) => {
            assert_eq!(tagged.tag, "!Ref");
            parameters.get(text(&tagged.value)).copied().unwrap_or("")
        }
        plain => text(plain),
    }
}

fn accepts(template: &Value, parameters: &Parameters<'_>) -> bool {
    let rules = template["Rules"].as_mapping().unwrap().values();
    rules
        .filter(|rule| holds(&rule["RuleCondition"], parameters))
        .flat_map(|rule| rule["Assertions"].as_sequence().unwrap())
        .all(|assertion| holds(&assertion["Assert"], parameters))
}

#[test]
fn the_template_and_the_function_refuse_the_same_combinations() {
    let template = template();
    let mut accepted = 0;
    for mask in 0..8 {
        for sign_in in ["restricted", "open"] {
            let value = |index: usize| match index {
                3 => sign_in,
                index if mask >> index & 1 == 1 => "a.test",
                _ => "",
            };
            let values = PARAMETERS.iter().enumerate();
            let parameters = values.clone().map(|(i, (name, _))| (*name, value(i)));
            // Organizations have no dots.
            let settings = values.map(|(i, (_, setting))| (*setting, value(i)));
            let settings = settings.map(|(name, value)| match name {
                "ALLOWED_EMAIL_DOMAINS" | "SIGN_IN" => (name, value.to_owned()),
                name => (name, value.replace('.', "-")),
            });
            let public = ("PUBLIC_URL", "https://api.test".to_owned());
            let env = Env::from_pairs(settings.chain([public]));
            let starts = SignInRule::from_env(&env);
            let no_budget = [("MonthlyBudget", "")];
            let creates = accepts(&template, &parameters.chain(no_budget).collect());
            assert_eq!(creates, starts.is_ok(), "{mask:03b} {sign_in}: {starts:?}");
            accepted += usize::from(creates);
        }
    }
    assert_eq!(accepted, 8, "open without a list, and seven with lists");
}

#[test]
fn the_parameters_become_the_settings_of_the_function() {
    let template = template();
    let variables = &template["Resources"]["OauthFunction"]["Properties"]["Environment"];
    for (parameter, setting) in PARAMETERS {
        assert_eq!(text(&variables["Variables"][setting]), parameter);
    }
    assert_eq!(
        text(&template["Parameters"]["SignIn"]["Default"]),
        "restricted"
    );
}
