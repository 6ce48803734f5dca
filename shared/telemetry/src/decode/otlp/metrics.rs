//! Metrics (`ExportMetricsServiceRequest`). They are not stored: their data points are counted
//! without being decoded, and all are rejected.

use std::fmt;

use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, de};

use super::tree::{self, Names, Raw};
use super::{OtlpEncoding, wire};
use crate::decode::Format;
use crate::decode::envelope::{EnvelopeError, LayerError};
use crate::decode::outline::Content;
use upblit_base::field_error::FieldError;

const NAMES: Names = Names {
    resources: "resourceMetrics",
    scopes: "scopeMetrics",
    events: "metrics",
};

/// Numbers of the fields of `Metric` that have data points: gauge, sum, histogram, exponential
/// histogram and summary.
const DATA: [u32; 5] = [5, 7, 9, 10, 11];

/// Number of the field with the points in each of these.
const DATA_POINTS: u32 = 1;

/// The data points of a request, none of which is stored.
#[derive(Debug, PartialEq)]
pub struct DataPoints {
    /// Number of data points. A metric that cannot be read counts as one.
    pub count: usize,
    /// A field that was not read and may have metrics.
    pub(super) misnamed: Option<FieldError>,
}

/// Counts the data points of a request.
///
/// # Errors
/// When the structure around the metrics cannot be read or exceeds a limit, or the metrics are
/// only in a field with another name.
pub fn data_points(body: &[u8], encoding: OtlpEncoding) -> Result<DataPoints, EnvelopeError> {
    let content = Content::new(body, Format::Otlp(encoding))?;
    let mut budget = content.budget();
    let mut groups = tree::read(content.otlp(), &NAMES, &mut budget, 0)?;
    let misnamed = groups.first_mut().and_then(|first| first.misnamed.take());
    let metrics = groups.iter().flat_map(|group| &group.events);
    Ok(DataPoints {
        count: metrics.map(|metric| points(*metric)).sum(),
        misnamed,
    })
}

fn points(metric: Raw<'_>) -> usize {
    match metric {
        Raw::Protobuf(bytes) => in_protobuf(bytes).unwrap_or(1),
        Raw::Json(text) => serde_json::from_str(text).map_or(1, |metric: Metric| metric.points()),
    }
}

fn in_protobuf(mut metric: &[u8]) -> Result<usize, LayerError> {
    let mut points = 0;
    while !metric.is_empty() {
        let (number, content) = wire::field(&mut metric)?;
        let mut data = content
            .filter(|_| DATA.contains(&number))
            .unwrap_or_default();
        while !data.is_empty() {
            let (number, _) = wire::field(&mut data)?;
            points += usize::from(number == DATA_POINTS);
        }
    }
    Ok(points)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metric {
    gauge: Option<Data>,
    sum: Option<Data>,
    histogram: Option<Data>,
    exponential_histogram: Option<Data>,
    summary: Option<Data>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    #[serde(default)]
    data_points: Length,
}

impl Metric {
    fn points(self) -> usize {
        let data = [
            self.gauge,
            self.sum,
            self.histogram,
            self.exponential_histogram,
            self.summary,
        ];
        data.into_iter()
            .flatten()
            .map(|data| data.data_points.0)
            .sum()
    }
}

/// The length of an array, whose items are skipped. Null has length 0.
#[derive(Default)]
struct Length(usize);

impl<'de> Deserialize<'de> for Length {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Counter;

        impl<'de> Visitor<'de> for Counter {
            type Value = Length;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array")
            }

            fn visit_unit<E: de::Error>(self) -> Result<Length, E> {
                Ok(Length(0))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Length, A::Error> {
                let mut length = 0;
                while seq.next_element::<IgnoredAny>()?.is_some() {
                    length += 1;
                }
                Ok(Length(length))
            }
        }

        from.deserialize_any(Counter)
    }
}
