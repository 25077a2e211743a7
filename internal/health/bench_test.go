package health

import (
	"testing"

	"sigs.k8s.io/yaml"
)

const certificate = `
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: www, namespace: shop, generation: 3, labels: {app: shop}}
spec: {secretName: www-tls, dnsNames: [www.example.org], issuerRef: {name: ca, kind: ClusterIssuer}}
status:
  notAfter: "2026-12-01T00:00:00Z"
  renewalTime: "2026-11-01T00:00:00Z"
  revision: 7
  conditions:
  - {type: Ready, status: "True", observedGeneration: 3, reason: Ready, message: Certificate is up to date and has not expired, lastTransitionTime: "2026-06-01T00:00:00Z"}
`

func benchmarkOf(b *testing.B, manifest string) {
	var obj map[string]any
	if err := yaml.Unmarshal([]byte(manifest), &obj); err != nil {
		b.Fatal(err)
	}
	Of(obj)
	b.ReportAllocs()
	for b.Loop() {
		Of(obj)
	}
}

// BenchmarkOf is the cost of a verdict by declared rules, by code, and by the
// common conditions.
func BenchmarkOf(b *testing.B) {
	b.Run("declared", func(b *testing.B) { benchmarkOf(b, certificate) })
	b.Run("unknown", func(b *testing.B) {
		benchmarkOf(b, `{apiVersion: example.org/v1, kind: Widget, metadata: {generation: 1}, status: {conditions: [{type: Ready, status: "True"}]}}`)
	})
	b.Run("code", func(b *testing.B) {
		benchmarkOf(b, `{apiVersion: apps/v1, kind: Deployment, metadata: {generation: 1}, spec: {replicas: 1}, status: {observedGeneration: 1, replicas: 1, updatedReplicas: 1, availableReplicas: 1}}`)
	})
}

// BenchmarkLoadTable is what the first verdict costs once, besides the compiling
// of its own kind's rules.
func BenchmarkLoadTable(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := loadTable(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCompile is what the first object of a kind costs.
func BenchmarkCompile(b *testing.B) {
	set := declaredRules().find(kind{"cert-manager.io", "Certificate"})
	b.ReportAllocs()
	for b.Loop() {
		set.compile()
	}
}
