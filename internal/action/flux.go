package action

import "time"

// The annotations of Flux.
const (
	requestedAt = "reconcile.fluxcd.io/requestedAt"
	forceAt     = "reconcile.fluxcd.io/forceAt"
	resetAt     = "reconcile.fluxcd.io/resetAt"
)

// flux are what the command line of Flux does with most of its kinds.
func flux() []rule {
	return append(suspending("reconciliation"),
		request("reconcile", "Reconcile", "reconciles it now", requestedAt).when(notSuspended))
}

// releases are what it does with HelmReleases besides.
func releases() []rule {
	return []rule{
		request("force", "Force", "installs or upgrades the release once more, whatever its state", requestedAt, forceAt).
			when(notSuspended).dangerous(),
		request("reset", "Reset", "forgets the failures so far, so that it is tried again", requestedAt, resetAt).when(notSuspended),
	}
}

func request(name, title, does string, annotations ...string) rule {
	help := does + ": sets the annotation `" + annotations[0] + "`"
	if len(annotations) > 1 {
		help = does + ": sets the annotations `" + annotations[0] + "` and `" + annotations[1] + "`"
	}
	return stamp(name, title, help, time.RFC3339Nano, annotations)
}

func notSuspended(o object) string {
	return unless(!o.flag("spec", "suspend"), "it is suspended; resume it first")
}

// fluxOperator are actions of the kinds of the Flux Operator, which has an
// annotation where Flux has a field.
func fluxOperator() []rule {
	const annotation, off = "fluxcd.controlplane.io/reconcile", "disabled"
	return append(annotatedSwitch("suspend", "resume", annotation, off, "reconciliation"),
		request("reconcile", "Reconcile", "reconciles it now", requestedAt).
			when(func(o object) string {
				return unless(o.annotation(annotation) != off, "it is suspended; resume it first")
			}))
}
