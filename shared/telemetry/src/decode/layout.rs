//! JSON pointers to the events of a batch, for error messages.

use upblit_base::field_error::FieldError;

use super::Indexed;
use crate::event::Event;

/// Why an event is dropped: the field and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct EventError {
    /// Pointer within the event, without a leading slash; empty for the whole event.
    pub(super) field: String,
    pub(super) reason: String,
}

impl EventError {
    pub(crate) fn new(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            reason: reason.into(),
        }
    }

    pub(super) fn of_event(reason: impl Into<String>) -> Self {
        Self::new("", reason)
    }

    /// Prefixes the field with the name of the object or array around it.
    pub(super) fn within(self, outer: &str) -> Self {
        Self {
            field: join(outer, &self.field),
            ..self
        }
    }
}

/// The arrays of the body that hold the events of a batch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Layout {
    time_field: &'static str,
    /// Index of the first event of each array, and pointer to the array.
    arrays: Vec<(usize, String)>,
}

impl Layout {
    /// Creates the layout of events whose time is in `time_field`.
    pub fn new(time_field: &'static str) -> Self {
        Self {
            time_field,
            arrays: Vec::new(),
        }
    }

    /// Adds an array: the events from index `first` on are in the array at `pointer`.
    pub(crate) fn array(&mut self, first: usize, pointer: String) {
        self.arrays.push((first, pointer));
    }

    /// Describes what is wrong with the event at `index`.
    pub(super) fn error(&self, index: usize, reason: EventError) -> FieldError {
        let after = self.arrays.partition_point(|(first, _)| *first <= index);
        let array = after.checked_sub(1).and_then(|last| self.arrays.get(last));
        let (first, array) = array.map_or((0, ""), |(first, array)| (*first, array));
        let event = format!("{array}/{}", index - first);
        FieldError {
            pointer: join(&event, &reason.field),
            reason: reason.reason,
        }
    }

    /// Describes the first part that was cut from an event, or else from its resource and scope.
    pub(super) fn cut<E: Event>(&self, Indexed { index, event }: &Indexed<E>) -> FieldError {
        let of_resource = || event.resource_scope()?.truncations.first();
        let cut = event.truncations().first().or_else(of_resource);
        let reason =
            cut.map(|cut| EventError::new(&*cut.field, format!("had {} bytes", cut.bytes)));
        self.error(*index, reason.unwrap_or_else(|| EventError::of_event("")))
    }

    /// Describes what is wrong with the time of the event at `index`.
    pub(super) fn time_error(&self, index: usize, reason: &str) -> FieldError {
        self.error(index, EventError::new(self.time_field, reason))
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
    fn a_pointer_counts_within_the_array_of_the_event() {
        let mut layout = Layout::new("time");
        layout.array(0, "/a".to_owned());
        layout.array(2, "/b".to_owned());
        let pointer = |index| layout.time_error(index, "is wrong").pointer;
        assert_eq!(
            [0, 1, 2, 9].map(pointer),
            ["/a/0/time", "/a/1/time", "/b/0/time", "/b/7/time"]
        );
        let of_event = layout.error(2, EventError::of_event("must be an object"));
        assert_eq!(of_event.pointer, "/b/0");
    }
}
