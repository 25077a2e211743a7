package health

import "github.com/fixpoint-cd/fixpoint/internal/model"

func apiService(o object) model.Health {
	c := o.condition("Available")
	switch {
	case c.kind == "":
		return progressing("Waiting to be processed")
	case c.isTrue():
		return healthy(c.text())
	}
	return progressing(c.text())
}

// resourceDefinition is Progressing until it is established, which follows
// acceptance of its names by moments: nothing is wrong in between.
func resourceDefinition(o object) model.Health {
	if c := o.condition("Terminating"); c.isTrue() {
		return progressing("Terminating: " + c.text())
	}
	if c := o.condition("NamesAccepted"); c.isFalse() {
		return degraded("Names are not accepted: " + c.text())
	}
	if c := o.condition("Established"); !c.isTrue() {
		return progressing("Waiting to be established")
	}
	if c := o.condition("NonStructuralSchema"); c.isTrue() {
		return degraded("The schema is not structural: " + c.text())
	}
	return healthy("")
}
