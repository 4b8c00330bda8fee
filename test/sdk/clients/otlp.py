"""Reads exports by OpenTelemetry's own definitions. An unknown field, a wrong type or an unknown enum value is an error."""
import base64
import json
import sys

from google.protobuf.json_format import ParseDict
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

# The fields with ids, and the length of each id in bytes. OTLP's JSON has ids in hex, and Protobuf's own JSON has them in base64. So they are converted.
IDS = {"traceId": 16, "spanId": 8, "parentSpanId": 8}


def with_ids(value):
    if isinstance(value, list):
        return [with_ids(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {name: base64_of(name, one) if name in IDS else with_ids(one) for name, one in value.items()}


def base64_of(name, text):
    raw = bytes.fromhex(text)
    assert len(raw) == IDS[name], name
    return base64.b64encode(raw).decode()


def value_of(any_value):
    return getattr(any_value, any_value.WhichOneof("value"))


def attributes_of(pairs):
    return {pair.key: value_of(pair.value) for pair in pairs}


def span_of(span):
    return {
        "name": span.name,
        "kind": span.kind,
        "trace": span.trace_id.hex(),
        "parent": span.parent_span_id.hex(),
        "attributes": attributes_of(span.attributes),
        "links": [link.trace_id.hex() for link in span.links],
        "status": span.status.code,
        "took_ns": span.end_time_unix_nano - span.start_time_unix_nano,
    }


def metric_of(metric):
    kind = metric.WhichOneof("data")
    points = getattr(metric, kind).data_points
    return {"name": metric.name, "unit": metric.unit, "kind": kind, "points": [point_of(kind, one) for one in points]}


def point_of(kind, point):
    if kind != "histogram":
        return {"attributes": attributes_of(point.attributes), "value": point.as_double}
    # OpenTelemetry requires one bucket more than bounds, and the sum of the buckets must be the count.
    assert len(point.bucket_counts) == len(point.explicit_bounds) + 1
    assert sum(point.bucket_counts) == point.count
    return {"attributes": attributes_of(point.attributes), "count": point.count, "sum": point.sum}


exports = json.load(sys.stdin)
traces = [ParseDict(with_ids(one), ExportTraceServiceRequest()) for one in exports["traces"]]
metrics = [ParseDict(one, ExportMetricsServiceRequest()) for one in exports["metrics"]]
json.dump(
    {
        "spans": [
            span_of(span)
            for request in traces
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ],
        "metrics": [
            metric_of(metric)
            for request in metrics
            for resource in request.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        ],
    },
    sys.stdout,
)
