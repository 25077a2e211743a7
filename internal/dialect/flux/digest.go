package flux

import (
	"encoding/json"
	"maps"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// timing are the fields whose change makes no new sync worth trying.
var timing = []string{"interval", "retryInterval", "suspend"}

// specDigest is the digest of a spec without its timing.
func specDigest(spec map[string]any) model.Digest {
	s := maps.Clone(spec)
	for _, name := range timing {
		delete(s, name)
	}
	data, err := json.Marshal(s)
	if err != nil {
		panic("a spec that came as JSON is not JSON: " + err.Error())
	}
	return model.DigestOf(data)
}
