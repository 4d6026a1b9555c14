// Kstatus reads objects as a JSON array and prints for each what Flux and Helm 4 make of it: its
// kstatus and the message, with a bar between.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	var objects []json.RawMessage
	if err := json.NewDecoder(os.Stdin).Decode(&objects); err != nil {
		return fmt.Errorf("the objects are not a JSON array: %w", err)
	}
	for _, object := range objects {
		var read unstructured.Unstructured
		if err := read.UnmarshalJSON(object); err != nil {
			return fmt.Errorf("not an object: %w", err)
		}
		result, err := status.Compute(&read)
		if err != nil {
			return err
		}
		fmt.Printf("%s|%s\n", result.Status, result.Message)
	}
	return nil
}
