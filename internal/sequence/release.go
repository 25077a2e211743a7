package sequence

import (
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Releases are what is left to be done to hooks after the operation, once it has
// ended and that is recorded; none as long as it has not. It goes by what is live,
// so that it is asked again until there is nothing more.
//
// Runs of this operation go as their policies say by how it ended. Those of others,
// which a controller has not come to release, go by how they ended themselves. One
// that has not ended goes in any case, except where no operation of ours made it.
func Releases(in Input) []Release {
	if !in.Operation.Phase.Done() {
		return nil
	}
	declared := make(map[model.ObjectKey]model.Traits, len(in.Hooks))
	for _, h := range in.Hooks {
		declared[h.Object.ObjectKey] = h.Traits
	}
	var out []Release
	for key, live := range in.Live {
		traits, ok := declared[key]
		if !ok {
			traits = live.Traits
		}
		own := strings.HasPrefix(live.Operation, in.Operation.Mark()+"/")
		if !own && !live.Held || live.Operation == "" && !traits.IsHook() {
			continue
		}
		goes := live.Operation != "" && !live.Terminating && in.goes(traits, live, own)
		if live.Held || goes {
			out = append(out, Release{Object: live.Ref, UID: live.UID, Delete: goes})
		}
	}
	sortReleases(out)
	return out
}

// goes reports whether the run of a hook is deleted after its operation.
func (in Input) goes(traits model.Traits, live model.Live, own bool) bool {
	state := stateOf(live)
	if state == model.HookStateRunning {
		return true
	}
	succeeded := state == model.HookStateSucceeded
	if own {
		succeeded = in.Operation.Phase == model.PhaseSucceeded
	}
	if succeeded {
		return traits.HookDelete.Has(model.HookSucceeded)
	}
	return traits.HookDelete.Has(model.HookFailed)
}
