package script

import (
	"fmt"
	"testing"
)

// BenchmarkHealth is a question about an object of 5 KB whose script is known.
func BenchmarkHealth(b *testing.B) {
	p := New(patient)
	defer p.Close()
	var conditions []any
	for i := range 40 {
		conditions = append(conditions, map[string]any{
			"type": fmt.Sprintf("Condition%d", i), "status": "True", "reason": "AsExpected", "message": "everything is as it was declared to be",
		})
	}
	conditions = append(conditions, map[string]any{"type": "Ready", "status": "True"})
	obj := map[string]any{"apiVersion": "example.io/v1", "kind": "Widget", "status": map[string]any{"conditions": conditions}}
	for b.Loop() {
		h, err := p.Health(b.Context(), `
			for _, c in ipairs(obj.status.conditions) do
				if c.type == "Ready" then return {status = "Healthy"} end
			end`, false, obj)
		if err != nil || h.Status != "Healthy" {
			b.Fatal(h, err)
		}
	}
}
