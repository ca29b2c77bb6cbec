// The OTLP receiver of OpenTelemetry's Collector by itself, on the address given: what it has understood goes to the output, a line of
// JSON for each request. The whole Collector takes minutes to build, and tells no more.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"sync"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"
)

var output sync.Mutex

func say(signal string, json []byte, err error) error {
	if err != nil {
		return err
	}
	output.Lock()
	defer output.Unlock()
	_, err = fmt.Printf("%s %s\n", signal, json)
	return err
}

func main() {
	ctx := context.Background()
	factory := otlpreceiver.NewFactory()
	config := factory.CreateDefaultConfig()
	http := map[string]any{"protocols": map[string]any{"http": map[string]any{"endpoint": os.Args[1]}}}
	check(confmap.NewFromStringMap(http).Unmarshal(config))
	settings := receiver.Settings{
		ID:                component.NewID(factory.Type()),
		TelemetrySettings: componenttest.NewNopTelemetrySettings(),
	}
	metrics, err := consumer.NewMetrics(func(_ context.Context, got pmetric.Metrics) error {
		json, err := (&pmetric.JSONMarshaler{}).MarshalMetrics(got)
		return say("metrics", json, err)
	})
	check(err)
	traces, err := consumer.NewTraces(func(_ context.Context, got ptrace.Traces) error {
		json, err := (&ptrace.JSONMarshaler{}).MarshalTraces(got)
		return say("traces", json, err)
	})
	check(err)
	takesMetrics, err := factory.CreateMetrics(ctx, settings, config, metrics)
	check(err)
	takesTraces, err := factory.CreateTraces(ctx, settings, config, traces)
	check(err)
	check(takesMetrics.Start(ctx, componenttest.NewNopHost()))
	check(takesTraces.Start(ctx, componenttest.NewNopHost()))
	fmt.Println("listening")
	select {}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
