import { registerOtel } from "@medusajs/medusa";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";

/** Traces go to the collector at OTEL_EXPORTER_OTLP_ENDPOINT, if that is set. They contain locks without further setup. */
export function register() {
  if (process.env.OTEL_EXPORTER_OTLP_ENDPOINT) {
    registerOtel({ serviceName: "store", exporter: new OTLPTraceExporter(), instrument: { http: true, workflows: true } });
  }
}
