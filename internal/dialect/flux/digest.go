package flux

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// timing are the fields whose change makes no new sync worth trying.
var timing = []string{"interval", "retryInterval", "suspend"}

// specDigest is the digest of a spec without its timing, and of what else it
// stands for.
func specDigest(spec map[string]any, more ...[]byte) model.Digest {
	s := maps.Clone(spec)
	for _, name := range timing {
		delete(s, name)
	}
	data, err := json.Marshal(s)
	if err != nil {
		panic("a spec that came as JSON is not JSON: " + err.Error())
	}
	return model.DigestOf(slices.Concat([][]byte{data}, more)...)
}
