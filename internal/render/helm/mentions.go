package helm

import (
	"bytes"
	"slices"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"helm.sh/helm/v4/pkg/chart/common"
)

// mentions says which facts about the target some text may ask for. Text that
// names none gets none, so that a target that changes renders nothing anew.
type mentions struct {
	capabilities, version, apis, helm bool
}

// add looks into one more text.
func (m *mentions) add(text []byte) {
	has := func(word string) bool { return bytes.Contains(text, []byte(word)) }
	m.capabilities = m.capabilities || has("Capabilities")
	m.version = m.version || has("KubeVersion")
	m.apis = m.apis || has("APIVersions")
	m.helm = m.helm || has("HelmVersion")
}

// all reports whether the capabilities are used as a whole, by a text that
// names no part of them.
func (m *mentions) all() bool {
	return m.capabilities && !m.version && !m.apis && !m.helm
}

// capabilities are what templates see of the target: what the settings say,
// else the target itself, else Helm's defaults.
func (r *run) capabilities(m mentions, constrained bool) (*common.Capabilities, error) {
	caps := common.DefaultCapabilities.Copy()
	version := r.set.KubeVersion
	if version == "" && (constrained || m.version || m.all()) {
		var err error
		if version, err = r.in.KubeVersion(); err != nil {
			return nil, err
		}
	}
	if version != "" {
		v, err := common.ParseKubeVersion(version)
		if err != nil {
			return nil, invalidVersion(version)
		}
		caps.KubeVersion = *v
	}
	if len(r.set.APIVersions) > 0 {
		caps.APIVersions = slices.Concat(caps.APIVersions, r.set.APIVersions)
		return caps, nil
	}
	if m.apis || m.all() {
		served, err := r.in.APIVersions()
		if err != nil {
			return nil, err
		}
		if len(served) > 0 {
			caps.APIVersions = served
		}
	}
	return caps, nil
}

func invalidVersion(version string) error {
	return model.Invalidf("%q is no version of Kubernetes, such as 1.36.0", version)
}
