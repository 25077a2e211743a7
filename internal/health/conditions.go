package health

import "github.com/fixpoint-cd/fixpoint/internal/model"

// byConditions judges an object of a kind that is not known, by what most
// controllers keep to: the conventions of kstatus (status.observedGeneration, and
// the conditions Stalled, Reconciling and Ready), and the conditions that others
// say the same by. One that should be True and is not is on its way, since that
// can't be told from a failure; only what says that it failed is Degraded.
func byConditions(o object) model.Health {
	if o.unseen("") {
		return progressing(newerSpec)
	}
	for _, name := range []string{"Stalled", "Degraded"} {
		if c := o.condition(name); c.isTrue() {
			return degraded(c.why(name))
		}
	}
	if c := o.condition("Reconciling"); c.isTrue() {
		return progressing(c.why("Reconciling"))
	}
	if c := o.condition("Ready"); c.kind != "" {
		return byCondition(o, c)
	}
	for _, name := range []string{"Succeeded", "Complete", "Completed", "Available"} {
		if c := o.condition(name); c.kind != "" {
			return byCondition(o, c)
		}
	}
	if c := o.condition("Failed"); c.isTrue() {
		return degraded(c.why("Failed"))
	}
	return model.Health{}
}

const newerSpec = "The controller has not seen the newest spec yet"

// byCondition judges by a condition that is True when all is well.
func byCondition(o object, c condition) model.Health {
	switch failed := o.condition("Failed"); {
	case o.unseen(c.kind):
		return progressing(newerSpec)
	case c.isTrue():
		return healthy(c.text())
	case failed.isTrue():
		return degraded(failed.why("Failed"))
	}
	return progressing(c.why(c.kind))
}
