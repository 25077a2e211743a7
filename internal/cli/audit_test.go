package cli

import (
	"net/http/httptest"
	"testing"

	"github.com/fixpoint-cd/fixpoint/internal/view/viewtest"
)

// TestAuditVerify says that the trail is whole, and fails where it is not.
func TestAuditVerify(t *testing.T) {
	alone(t)
	h := newHouse(t, httptest.NewServer)
	t.Setenv("FIXPOINT_SERVER", h.URL)
	t.Setenv("FIXPOINT_TOKEN", "ci-token")
	want(t, run(t, "audit verify", ""), 0, "The audit trail is whole: ", " records, from 20", "each as it was written.")
	want(t, run(t, "audit verify -o json", ""), 0, `"whole": true`, `"records": `)
	h.backend.Alter("the audit trail was changed: record 7 is missing")
	want(t, run(t, "audit verify", ""), 1, "the audit trail was changed: record 7 is missing. Up to there records are as they were written: ", "compare it with an export")
	want(t, run(t, "audit verify -o json", ""), 1, `"whole": false`, `record 7 is missing`)
	h.backend.Backend = viewtest.Empty()
	want(t, run(t, "audit verify", ""), 0, "it has no records yet")
}
