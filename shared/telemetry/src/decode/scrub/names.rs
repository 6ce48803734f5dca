//! Names of credentials. The end of a name decides: `http.request.header.authorization`,
//! `db.password` and `accessToken` are credentials, `llm.token_count` and `input_tokens` are not.

/// Longest entry of the tables, in bytes.
const LONGEST: usize = 16;

/// Number of segments at the end of a name that may form an entry, as in `api-key`.
const SEGMENTS: usize = 3;

/// Whether an attribute with this name holds a credential.
pub(super) fn is_credential(name: &str) -> bool {
    ends_with(name, is_listed)
}

/// Whether a parameter of a query string with this name holds a credential: also signatures of
/// addresses, which give access on their own.
pub(super) fn is_credential_of_query(name: &str) -> bool {
    ends_with(name, |end| is_listed(end) || SIGNATURES.contains(&end))
}

/// Names of credentials in lower case, without separators, by their length.
pub(super) const LISTED: [&[&[u8]]; 16] = [
    &[],
    &[],
    &[],
    &[b"cvc", b"cvv", b"jwt", b"pwd"],
    &[b"pass"],
    &[b"token"],
    &[b"apikey", b"bearer", b"cookie", b"passwd", b"secret"],
    &[b"authkey", b"cookies", b"idtoken"],
    &[b"apitoken", b"password"],
    &[
        b"accesskey",
        b"authtoken",
        b"csrftoken",
        b"masterkey",
        b"secretkey",
        b"setcookie",
        b"sharedkey",
        b"xsrftoken",
    ],
    &[
        b"accountkey",
        b"credential",
        b"passphrase",
        b"privatekey",
        b"sessionkey",
        b"signingkey",
    ],
    &[b"accesstoken", b"bearertoken", b"credentials"],
    &[b"clientsecret", b"refreshtoken", b"sessiontoken"],
    &[b"authorization", b"encryptionkey"],
    &[b"awsaccesskeyid"],
    &[b"subscriptionkey"],
];

/// Ends of names of credentials, also without anything before that separates them.
const ENDS: [&[u8]; 2] = [b"password", b"passwd"];

/// Names of signatures.
pub(super) const SIGNATURES: [&[u8]; 2] = [b"sig", b"signature"];

fn is_listed(name: &[u8]) -> bool {
    LISTED
        .get(name.len())
        .is_some_and(|listed| listed.contains(&name))
}

fn is_separator(byte: u8) -> bool {
    byte.is_ascii() && !byte.is_ascii_alphanumeric()
}

/// Whether the last three letters are those of an entry. Most names of attributes are not, which
/// saves the rest.
fn may_end(name: &[u8]) -> bool {
    let Some([first, second, third]) = name.last_chunk() else {
        return false;
    };
    // Lower case; what is no letter becomes something that is not in the list.
    let end = [first | 0x20, second | 0x20, third | 0x20];
    matches!(
        &end,
        b"als"
            | b"ase"
            | b"ass"
            | b"cvc"
            | b"cvv"
            | b"ial"
            | b"ies"
            | b"ion"
            | b"jwt"
            | b"ken"
            | b"key"
            | b"kie"
            | b"ord"
            | b"pwd"
            | b"rer"
            | b"ret"
            | b"sig"
            | b"swd"
            | b"ure"
            | b"yid"
    )
}

/// Whether the last one to three segments of a name, joined and in lower case, are in a table. A
/// segment ends at a character that is no letter or digit, and before a capital.
fn ends_with(name: &str, is_listed: impl Fn(&[u8]) -> bool) -> bool {
    let name = name.as_bytes();
    let last = name.iter().rposition(|byte| !is_separator(*byte));
    let name = &name[..last.map_or(0, |last| last + 1)];
    if !may_end(name) {
        return false;
    }
    let has_end = |end: &&[u8]| {
        let start = name.len().checked_sub(end.len());
        start.is_some_and(|start| name[start..].eq_ignore_ascii_case(end))
    };
    if ENDS.iter().any(has_end) {
        return true;
    }
    let mut joined = [0; LONGEST];
    let mut start = LONGEST;
    let mut segments = 0;
    let mut checked = LONGEST;
    let mut following = 0_u8;
    for &byte in name.iter().rev() {
        let is_separator = is_separator(byte);
        let is_boundary =
            is_separator || (following.is_ascii_uppercase() && !byte.is_ascii_uppercase());
        if is_boundary && start < checked {
            if is_listed(&joined[start..]) {
                return true;
            }
            checked = start;
            segments += 1;
            if segments == SEGMENTS {
                return false;
            }
        }
        following = byte;
        if is_separator {
            continue;
        }
        if start == 0 {
            return false;
        }
        start -= 1;
        joined[start] = byte.to_ascii_lowercase();
    }
    start < checked && is_listed(&joined[start..])
}
