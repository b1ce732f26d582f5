// A process that reports its locks to a collector.

import { requireInstalled } from "../../harness/installed.mjs";
import { createLocks } from "../standalone/support.mjs";

const { options, url } = JSON.parse(process.argv[2]);
const locks = createLocks(options);
await locks.ready();

const api = requireInstalled("@opentelemetry/api");
const { NodeTracerProvider } = requireInstalled("@opentelemetry/sdk-trace-node");
const { SimpleSpanProcessor } = requireInstalled("@opentelemetry/sdk-trace-base");
const { MeterProvider, PeriodicExportingMetricReader } = requireInstalled("@opentelemetry/sdk-metrics");
const { OTLPTraceExporter } = requireInstalled("@opentelemetry/exporter-trace-otlp-http");
const { OTLPMetricExporter } = requireInstalled("@opentelemetry/exporter-metrics-otlp-http");

const tracing = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(new OTLPTraceExporter({ url: `${url}/v1/traces` }))] });
tracing.register();
const exporter = new OTLPMetricExporter({ url: `${url}/v1/metrics` });
const metrics = new MeterProvider({ readers: [new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 })] });
api.metrics.setGlobalMeterProvider(metrics);

await api.trace.getTracer("test").startActiveSpan("step", async (span) => {
  await locks.withLock("cart_1", () => {});
  span.end();
});
await Promise.all([tracing.forceFlush(), metrics.forceFlush()]);
await locks.close();
process.send("flushed");
