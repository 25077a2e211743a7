package health

import "github.com/fixpoint-cd/fixpoint/internal/model"

// byConditions judges an object of a kind that is not known by the conventions
// that most controllers keep: status.observedGeneration, and the conditions
// Stalled, Reconciling and Ready.
func byConditions(o object) model.Health {
	if o.has("status", "observedGeneration") &&
		o.number("status", "observedGeneration") != o.number("metadata", "generation") {
		return progressing("The controller has not seen the newest spec yet")
	}
	if c := o.condition("Stalled"); c.isTrue() {
		return degraded(c.text())
	}
	if c := o.condition("Reconciling"); c.isTrue() {
		return progressing(c.text())
	}
	ready := o.condition("Ready")
	switch {
	case ready.kind == "":
		return model.Health{}
	case ready.isTrue():
		return healthy(ready.text())
	default:
		return progressing(ready.text())
	}
}
