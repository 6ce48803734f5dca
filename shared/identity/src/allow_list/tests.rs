use super::*;

const LOCAL: (&str, &str) = ("PUBLIC_URL", "http://127.0.0.1:9000");
const PUBLIC: (&str, &str) = ("PUBLIC_URL", "https://api.test");

fn rule(settings: &[(&str, &str)]) -> Result<SignInRule, String> {
    let env = Env::from_pairs(settings.iter().copied());
    SignInRule::from_env(&env).map_err(|error| error.to_string())
}

/// Returns whether a rule with one setting admits an account with this id, login and verified
/// address.
fn admits(setting: (&str, &str), (id, login, email): (u64, &str, &str)) -> bool {
    let account = Account {
        user_id: UserId::new(id).unwrap(),
        login,
        verified_emails: vec![email],
    };
    rule(&[PUBLIC, setting]).unwrap().admits(&account)
}

#[test]
fn a_deployment_without_a_list_starts_only_if_it_is_declared_open() {
    let users = (ALLOWED_USERS, "ada");
    let open = (SIGN_IN, "open");
    let restricted = (SIGN_IN, "restricted");
    for (settings, is_open) in [
        (&[PUBLIC, open][..], Some(true)),
        (&[LOCAL, open], Some(true)),
        (&[LOCAL], Some(true)),
        (&[LOCAL, (ALLOWED_USERS, "")], Some(true)),
        (&[PUBLIC, users], Some(false)),
        (&[PUBLIC, users, restricted], Some(false)),
        (&[LOCAL, users], Some(false)),
        (&[PUBLIC], None),
        (&[], None),
        (&[PUBLIC, restricted], None),
        (&[LOCAL, restricted], None),
        (&[PUBLIC, (ALLOWED_USERS, " , ")], None),
        (&[PUBLIC, users, open], None),
        (&[PUBLIC, (SIGN_IN, "Open")], None),
        (&[PUBLIC, (SIGN_IN, "yes")], None),
        (&[("PUBLIC_URL", "https://localhost.evil.test")], None),
    ] {
        let read = rule(settings).map(|rule| rule == SignInRule::Open);
        assert_eq!(read.ok(), is_open, "{settings:?}");
    }
}

#[test]
fn an_error_says_what_to_set() {
    let error = rule(&[PUBLIC]).unwrap_err();
    for name in [
        SIGN_IN,
        ALLOWED_USERS,
        ALLOWED_ORGANIZATIONS,
        ALLOWED_DOMAINS,
    ] {
        assert!(error.contains(name), "{error}");
    }
    let both = rule(&[PUBLIC, (SIGN_IN, "open"), (ALLOWED_DOMAINS, "a.test")]);
    let expected = "setting SIGN_IN is open, but ALLOWED_EMAIL_DOMAINS is set";
    assert_eq!(both, Err(expected.to_owned()));
}

#[test]
fn invalid_entries_are_errors_that_name_the_setting() {
    let long = "a".repeat(40);
    let eleven = ["o"; 11].join(",");
    for (setting, value) in [
        (ALLOWED_USERS, "a b"),
        (ALLOWED_USERS, "@ada"),
        (ALLOWED_USERS, "ada;bob"),
        (ALLOWED_USERS, "ada:"),
        (ALLOWED_USERS, "ada:x"),
        (ALLOWED_USERS, "ada:0"),
        (ALLOWED_USERS, "ada:07"),
        (ALLOWED_USERS, ":7"),
        (ALLOWED_USERS, "https://github.com/ada"),
        (ALLOWED_USERS, "ada@example.com"),
        (ALLOWED_USERS, "\u{430}da"),
        (ALLOWED_USERS, "*"),
        (ALLOWED_USERS, &long),
        (ALLOWED_ORGANIZATIONS, "/team"),
        (ALLOWED_ORGANIZATIONS, "org/"),
        (ALLOWED_ORGANIZATIONS, "org/.."),
        (ALLOWED_ORGANIZATIONS, "../user"),
        (ALLOWED_ORGANIZATIONS, "org/team/more"),
        (ALLOWED_ORGANIZATIONS, "org/a team"),
        (ALLOWED_ORGANIZATIONS, "org?x"),
        (ALLOWED_ORGANIZATIONS, "@org/team"),
        (ALLOWED_ORGANIZATIONS, &eleven),
        (ALLOWED_DOMAINS, "@example.com"),
        (ALLOWED_DOMAINS, "ada@example.com"),
        (ALLOWED_DOMAINS, "*.example.com"),
        (ALLOWED_DOMAINS, ".example.com"),
        (ALLOWED_DOMAINS, "example.com."),
        (ALLOWED_DOMAINS, "example..com"),
        (ALLOWED_DOMAINS, "com"),
        (ALLOWED_DOMAINS, "https://example.com"),
        (ALLOWED_DOMAINS, "m\u{fc}nchen.example"),
        (ALLOWED_DOMAINS, "-a.test"),
        (ALLOWED_DOMAINS, "users.noreply.github.com"),
        (ALLOWED_DOMAINS, "Users.NoReply.git.example.com"),
    ] {
        let error = rule(&[PUBLIC, (setting, value)]).unwrap_err();
        assert!(
            error.starts_with(&format!("setting {setting} must ")),
            "{error}"
        );
        let with_good_ones = format!("ok.test, {value}");
        assert!(
            rule(&[PUBLIC, (setting, &with_good_ones)]).is_err(),
            "{value}"
        );
    }
}

#[test]
fn a_user_is_recognized_by_the_id_or_without_one_by_the_login_in_any_case() {
    for (setting, account, is_admitted) in [
        ("ada", (7, "ada"), true),
        ("Ada", (7, "aDA"), true),
        ("bob, ada ,", (7, "ada"), true),
        ("ada_corp", (7, "ada_corp"), true),
        ("ada", (7, "ada-corp"), false),
        ("ada", (7, "ad"), false),
        ("ada", (7, "ada "), false),
        ("ada", (7, "\u{430}da"), false),
        ("ada:7", (7, "ada"), true),
        ("ada:7", (7, "renamed"), true),
        ("ada:7", (8, "ada"), false),
        ("ada:7", (77, "ada"), false),
        ("7", (7, "ada"), false),
        ("7", (8, "7"), true),
    ] {
        let (id, login) = account;
        let is = admits((ALLOWED_USERS, setting), (id, login, "a@b.test"));
        assert_eq!(is, is_admitted, "{setting} {account:?}");
    }
}

#[test]
fn subdomains_and_similar_domains_are_other_domains() {
    for (address, is_admitted) in [
        ("ada@example.com", true),
        ("ada@EXAMPLE.Com", true),
        ("ada+upblit@example.com", true),
        ("ada@sub.example.com", false),
        ("ada@example.com.evil.test", false),
        ("ada@evil-example.com", false),
        ("ada@xexample.com", false),
        ("ada@example.co", false),
        ("ada@example.com.", false),
        ("ada@example.com ", false),
        ("ada@ example.com", false),
        ("ada@\u{435}xample.com", false),
        ("ada@\u{ff45}xample.com", false),
        ("ada@ex\u{ad}ample.com", false),
        ("ada@evil.test@example.com", false),
        ("\"ada@example.com\"@evil.test", false),
        ("ada@evil.test, bob@example.com", false),
        ("@example.com", false),
        ("example.com", false),
        ("", false),
    ] {
        let is = admits(
            (ALLOWED_DOMAINS, "other.test,Example.com"),
            (7, "ada", address),
        );
        assert_eq!(is, is_admitted, "{address:?}");
    }
}

#[test]
fn one_of_several_addresses_is_enough_and_without_any_there_is_no_match() {
    let rule = rule(&[PUBLIC, (ALLOWED_DOMAINS, "example.com")]).unwrap();
    for (verified_emails, is_admitted) in [
        (vec!["ada@home.test", "ada@example.com"], true),
        (vec!["ada@home.test"], false),
        (vec![], false),
    ] {
        let account = Account {
            user_id: UserId::new(7).unwrap(),
            login: "ada",
            verified_emails,
        };
        assert_eq!(rule.admits(&account), is_admitted, "{account:?}");
    }
}

#[test]
fn only_listed_organizations_and_teams_are_returned_and_their_names_admit_no_account() {
    let listed = rule(&[
        PUBLIC,
        (ALLOWED_ORGANIZATIONS, "acme, Umbrella/platform_eu"),
    ])
    .unwrap();
    let names: Vec<_> = listed
        .organizations()
        .iter()
        .map(|allowed| (&*allowed.organization, allowed.team.as_deref()))
        .collect();
    assert_eq!(names, [("acme", None), ("Umbrella", Some("platform_eu"))]);
    let account = Account {
        user_id: UserId::new(7).unwrap(),
        login: "acme",
        verified_emails: vec!["ada@acme"],
    };
    assert!(
        !listed.admits(&account),
        "the name of an organization is no login"
    );
    assert!(SignInRule::Open.organizations().is_empty());
}

#[test]
fn only_an_active_membership_admits_an_account_and_a_missing_response_is_not_one() {
    use Standing::{Active, Hidden, NotAMember, Pending, Unclear};
    for (standings, decision) in [
        (&[][..], Admission::Refused),
        (&[NotAMember], Admission::Refused),
        (&[Pending], Admission::Refused),
        (&[Pending, NotAMember], Admission::Refused),
        (&[Active], Admission::Admitted),
        (&[Unclear, Hidden, Active], Admission::Admitted),
        (&[Hidden, NotAMember], Admission::Hidden),
        (&[Unclear, Hidden], Admission::Unclear),
        (&[Pending, Unclear], Admission::Unclear),
    ] {
        assert_eq!(Admission::decide(standings), decision, "{standings:?}");
    }
}
