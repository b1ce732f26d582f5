// A real OpenTelemetry SDK in this process. It keeps everything that it gets.

import { requireInstalled } from "../../harness/installed.mjs";

export const api = requireInstalled("@opentelemetry/api");
const { AggregationTemporality, InMemoryMetricExporter, MeterProvider, PeriodicExportingMetricReader } =
  requireInstalled("@opentelemetry/sdk-metrics");
const { InMemorySpanExporter, SimpleSpanProcessor } = requireInstalled("@opentelemetry/sdk-trace-base");
const { NodeTracerProvider } = requireInstalled("@opentelemetry/sdk-trace-node");

/** Registers tracing and metrics for the process. */
export function startSdk() {
  const spans = new InMemorySpanExporter();
  const tracing = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] });
  tracing.register();
  const metrics = startMetrics();
  return {
    metrics: metrics.collect,
    /** All spans that have ended, by name. */
    spans: (name) => spans.getFinishedSpans().filter((span) => span.name === name),
    async stop() {
      await Promise.all([tracing.shutdown(), metrics.stop()]);
      api.trace.disable();
      api.context.disable();
    },
  };
}

/** Registers metrics only. */
export function startMetrics() {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
  const provider = new MeterProvider({ readers: [reader] });
  api.metrics.setGlobalMeterProvider(provider);
  return {
    /** Every metric by name: its unit and its points. */
    async collect() {
      exporter.reset();
      await reader.forceFlush();
      const all = exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((scope) => scope.metrics));
      return Object.fromEntries(all.map(({ descriptor, dataPoints }) => [descriptor.name, { unit: descriptor.unit, points: dataPoints }]));
    },
    async stop() {
      await provider.shutdown();
      api.metrics.disable();
    },
  };
}

/** The value of the point that has these attributes. */
export function pointOf(metric, attributes) {
  const has = (point) => Object.entries(attributes).every(([name, value]) => point.attributes[name] === value);
  return metric?.points.find(has)?.value;
}
