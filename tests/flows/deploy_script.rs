//! `.github/deploy/deploy.sh` with stand-ins for `aws`, `sam` and `upblit`.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use shared::base::environment::Env;

/// What the stand-ins do. Lists have an entry for each call; the last one holds for further calls.
#[derive(Clone, Copy)]
struct World {
    /// Exit code of reading the deployed template.
    template: i32,
    /// Exit codes of `sam deploy`.
    deploys: &'static [i32],
    /// Exit codes of `upblit check`.
    checks: &'static [i32],
    /// Alarms that are going off. `!` means that they cannot be read.
    alarms: &'static [&'static str],
}

/// Everything works.
const FINE: World = World {
    template: 0,
    deploys: &[0],
    checks: &[0],
    alarms: &[""],
};

/// Result of a run of the script.
struct Ended {
    code: Option<i32>,
    /// A line for each deployment and check, with the deployed template or the checked address.
    done: String,
    said: String,
}

const AWS: &str = r#"
case "$*" in
*get-template*) echo previous; exit "$TEMPLATE" ;;
*describe-stacks*ApiUrl*) echo https://api.test ;;
*list-stack-resources*) printf 'shop-a\nshop-b\n' ;;
*'describe-alarms --alarm-names shop-a shop-b --state-value ALARM'*)
    going_off=$(next alarms "$ALARMS")
    if [[ $going_off == ! ]]; then exit 1; fi
    printf '%s' "${going_off//+/$'\n'}" ;;
*) echo "unexpected: $*" >&2; exit 99 ;;
esac
"#;

const SAM: &str = r#"
[[ $* == "deploy --template-file $3 --stack-name shop "*--role-arn\ role* ]] || exit 99
echo "deploy $(cat "$3")" >>"$WORLD/done"
exit "$(next deploys "$DEPLOYS")"
"#;

const UPBLIT: &str = r#"
echo "$*" >>"$WORLD/done"
exit "$(next checks "$CHECKS")"
"#;

/// Prints the next entry of a comma-separated list, or the last one again.
const NEXT: &str = r#"#!/usr/bin/env bash
next() {
    local list call=0
    IFS=, read -ra list <<<"$2"
    if [[ -e $WORLD/$1 ]]; then call=$(<"$WORLD/$1"); fi
    echo "$((call + 1 < ${#list[@]} ? call + 1 : call))" >"$WORLD/$1"
    echo "${list[call]:-}"
}
"#;

fn list<T: ToString>(entries: &[T]) -> String {
    let entries: Vec<_> = entries.iter().map(ToString::to_string).collect();
    entries.join(",")
}

fn empty_directory() -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let name = format!("deploy-{}", COUNT.fetch_add(1, Ordering::Relaxed));
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if path.exists() {
        fs::remove_dir_all(&path).unwrap();
    }
    fs::create_dir_all(&path).unwrap();
    path
}

fn stand_in(directory: &Path, name: &str, body: &str) {
    let path = directory.join(name);
    fs::write(&path, format!("{NEXT}{body}")).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
}

/// Copies the script into a checkout of its own, with a template that was built, and runs it there.
fn deploy(world: World) -> Ended {
    let directory = &empty_directory();
    for (name, body) in [("aws", AWS), ("sam", SAM), ("upblit", UPBLIT)] {
        stand_in(directory, name, body);
    }
    let script = directory.join(".github/deploy/deploy.sh");
    fs::create_dir_all(script.parent().unwrap()).unwrap();
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/../.github/deploy/deploy.sh");
    fs::copy(source, &script).unwrap();
    fs::create_dir_all(directory.join(".aws-sam/build")).unwrap();
    fs::write(directory.join(".aws-sam/build/template.yaml"), "new").unwrap();

    let env = Env::process();
    let path = format!("{}:{}", directory.display(), env.required("PATH").unwrap());
    let output = Command::new("bash")
        .arg(&script)
        .env("PATH", path)
        .env("WORLD", directory)
        .env("STACK", "shop")
        .env("AWS_EXECUTION_ROLE", "role")
        .env("UPBLIT", "upblit")
        .env("WATCH_MINUTES", "0")
        .env("TEMPLATE", world.template.to_string())
        .env("DEPLOYS", list(world.deploys))
        .env("CHECKS", list(world.checks))
        .env("ALARMS", list(world.alarms))
        .output()
        .unwrap();
    Ended {
        code: output.status.code(),
        done: fs::read_to_string(directory.join("done")).unwrap_or_default(),
        said: String::from_utf8(output.stderr).unwrap(),
    }
}

const DEPLOYED: &str = "deploy new\ncheck https://api.test\n";
const RESTORED: &str =
    "deploy new\ncheck https://api.test\ndeploy previous\ncheck https://api.test\n";

#[test]
fn a_deployment_that_passes_its_check_stays() {
    let ended = deploy(FINE);
    assert_eq!(ended.code, Some(0), "{}", ended.said);
    assert_eq!(ended.done, DEPLOYED);
}

#[test]
fn a_deployment_that_fails_its_check_or_raises_an_alarm_is_replaced_by_the_previous_one() {
    let cases = [
        World {
            checks: &[1, 0],
            ..FINE
        },
        World {
            alarms: &["", "shop-a"],
            ..FINE
        },
        World {
            alarms: &["shop-a", "shop-a+shop-b"],
            ..FINE
        },
        World {
            alarms: &["", "!"],
            ..FINE
        },
    ];
    for world in cases {
        let ended = deploy(world);
        assert_eq!(ended.code, Some(1), "{}", ended.said);
        assert_eq!(ended.done, RESTORED, "{}", ended.said);
        assert!(
            ended.said.contains("the stack is as before"),
            "{}",
            ended.said
        );
    }
}

#[test]
fn an_alarm_that_went_off_before_the_deployment_does_not_undo_it() {
    for alarms in [&["shop-b"][..], &["shop-a+shop-b", "shop-b"]] {
        let ended = deploy(World { alarms, ..FINE });
        assert_eq!(ended.code, Some(0), "{}", ended.said);
        assert_eq!(ended.done, DEPLOYED);
    }
}

#[test]
fn a_failed_restore_is_reported_with_its_own_exit_code() {
    for world in [
        World {
            checks: &[1, 1],
            ..FINE
        },
        World {
            checks: &[1],
            deploys: &[0, 1],
            ..FINE
        },
    ] {
        let ended = deploy(world);
        assert_eq!(ended.code, Some(2), "{}", ended.said);
        assert!(
            ended.said.contains("THE STACK IS NOT AS BEFORE"),
            "{}",
            ended.said
        );
    }
}

#[test]
fn a_deployment_that_cloudformation_refuses_is_neither_checked_nor_restored() {
    let ended = deploy(World {
        deploys: &[1],
        ..FINE
    });
    assert_eq!(ended.code, Some(1), "{}", ended.said);
    assert_eq!(ended.done, "deploy new\n");
}

#[test]
fn without_a_previous_template_or_known_alarms_nothing_is_deployed() {
    for world in [
        World {
            template: 255,
            ..FINE
        },
        World {
            alarms: &["!"],
            ..FINE
        },
    ] {
        let ended = deploy(world);
        assert!(ended.code.is_some_and(|code| code != 0), "{}", ended.said);
        assert_eq!(ended.done, "");
    }
}
