package model

// HealthStatus is the health of an object or app, in Argo CD's words.
type HealthStatus string

// The health statuses, from best to worst.
const (
	Healthy     HealthStatus = "Healthy"
	Suspended   HealthStatus = "Suspended"
	Progressing HealthStatus = "Progressing"
	Missing     HealthStatus = "Missing"
	Degraded    HealthStatus = "Degraded"
	Unknown     HealthStatus = "Unknown"
)

// Health is a status with the reason for it. The zero value means that there
// is no rule for the kind, which counts as healthy.
type Health struct {
	Status  HealthStatus
	Message string
}

var severity = map[HealthStatus]int{
	"": 0, Healthy: 0, Suspended: 1, Progressing: 2, Missing: 3, Degraded: 4, Unknown: 5,
}

// Worse reports whether h is worse than o.
func (h HealthStatus) Worse(o HealthStatus) bool { return severity[h] > severity[o] }
