//! Where each event stands in the body of its batch, for those who are told
//! what is wrong with it.

use upblit_base::field_error::FieldError;

/// Why an event is dropped: the field, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reason {
    /// Within the event, without a leading slash; empty for all of it.
    pub(super) field: String,
    pub(super) reason: String,
}

impl Reason {
    pub(crate) fn new(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            reason: reason.into(),
        }
    }

    pub(super) fn of_event(reason: impl Into<String>) -> Self {
        Self::new("", reason)
    }

    /// The same, seen from what the event or part of it stands in.
    pub(super) fn within(self, outer: &str) -> Self {
        Self {
            field: join(outer, &self.field),
            ..self
        }
    }
}

/// The arrays that hold a batch's events.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Layout {
    time_field: &'static str,
    /// The first event of each array, and the array's pointer.
    arrays: Vec<(usize, String)>,
}

impl Layout {
    /// Of events that tell their time in `time_field`.
    pub(crate) fn new(time_field: &'static str) -> Self {
        Self {
            time_field,
            arrays: Vec::new(),
        }
    }

    /// From event `first` on, they stand in the array at `pointer`.
    pub(crate) fn array(&mut self, first: usize, pointer: String) {
        self.arrays.push((first, pointer));
    }

    /// What is wrong with the event at `index`.
    pub(super) fn error(&self, index: usize, reason: Reason) -> FieldError {
        let after = self.arrays.partition_point(|(first, _)| *first <= index);
        let array = after.checked_sub(1).and_then(|last| self.arrays.get(last));
        let (first, array) = array.map_or((0, ""), |(first, array)| (*first, array));
        let event = format!("{array}/{}", index - first);
        FieldError {
            pointer: join(&event, &reason.field),
            reason: reason.reason,
        }
    }

    /// That the time of the event at `index` is wrong.
    pub(super) fn time_error(&self, index: usize, reason: &str) -> FieldError {
        self.error(index, Reason::new(self.time_field, reason))
    }
}

fn join(outer: &str, inner: &str) -> String {
    if inner.is_empty() {
        outer.to_owned()
    } else {
        format!("{outer}/{inner}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_named_by_its_place_in_its_array() {
        let mut layout = Layout::new("time");
        layout.array(0, "/a".to_owned());
        layout.array(2, "/b".to_owned());
        let pointer = |index| layout.time_error(index, "is wrong").pointer;
        assert_eq!(
            [0, 1, 2, 9].map(pointer),
            ["/a/0/time", "/a/1/time", "/b/0/time", "/b/7/time"]
        );
        let of_event = layout.error(2, Reason::of_event("must be an object"));
        assert_eq!(of_event.pointer, "/b/0");
    }
}
