//! Conditions on one span of a trace, which must meet all of them.

use super::attributes::AttributeFilters;
use super::texts::Name;
use crate::chunk::filter::{Term, UNNAMED};
use crate::chunk::summary::Summary;
use crate::event::{Span, SpanKind};

/// Conditions on one span, which must meet all of them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SpanFilter {
    /// Service that recorded the span.
    pub service: Option<Name>,
    /// Display name of the span.
    pub name: Option<Name>,
    /// Role of the span in its trace.
    pub kind: Option<SpanKind>,
    /// Attributes of the span or its resource.
    pub attributes: AttributeFilters,
}

impl SpanFilter {
    /// Returns whether the filter has no condition.
    pub fn is_open(&self) -> bool {
        *self == Self::default()
    }

    /// Returns whether a span meets all conditions.
    pub fn matches(&self, span: &Span) -> bool {
        let service = self.service.as_ref();
        let name = self.name.as_ref();
        self.kind.is_none_or(|kind| span.kind == Some(kind))
            && service.is_none_or(|service| span.service() == Some(service.as_str()))
            && name.is_none_or(|name| span.display_name() == name.as_str())
            && self
                .attributes
                .match_all(&span.attributes, span.resource_scope.as_deref())
    }

    /// Returns whether a chunk with this summary may hold a span that meets all conditions.
    pub fn may_match(&self, summary: &Summary) -> bool {
        let service = self.service.as_ref();
        let may_be_of = |service: &Name| summary.may_hold(Term::Pair("service", service.as_str()));
        let may_be_named = |name: &Name| {
            let names = [name.as_str(), UNNAMED];
            names
                .iter()
                .any(|name| summary.may_hold(Term::Pair("name", name)))
        };
        service.is_none_or(may_be_of)
            && self.name.as_ref().is_none_or(may_be_named)
            && self.attributes.may_match(summary)
            && self.may_match_operations(summary)
    }

    /// Returns whether one of the operations meets the conditions, if the summary has all
    /// operations.
    fn may_match_operations(&self, summary: &Summary) -> bool {
        let operations = &summary.operations;
        if operations.total == 0 || operations.top.len() < operations.total {
            return true;
        }
        let is_equal = |asked: &Option<Name>, given: Option<&str>| {
            asked
                .as_ref()
                .is_none_or(|asked| given == Some(asked.as_str()))
        };
        operations.top.iter().any(|operation| {
            self.kind.is_none_or(|kind| operation.kind == Some(kind))
                && is_equal(&self.service, operation.service.as_deref())
                && is_equal(&self.name, Some(&operation.name))
        })
    }
}
