package argo

import (
	"fmt"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// buildOptions are what is read of the flags of kustomize build.
type buildOptions struct {
	enableHelm, unrestricted, managedBy bool
	// unknown are flags that are not honoured.
	unknown []string
}

// readBuildOptions reads flags as they are written for a command line.
func readBuildOptions(text string) buildOptions {
	var out buildOptions
	words := strings.Fields(text)
	for i := 0; i < len(words); i++ {
		name, value, isSet := strings.Cut(words[i], "=")
		if !isSet && i+1 < len(words) && !strings.HasPrefix(words[i+1], "-") {
			i++
			value = words[i]
		}
		value = strings.Trim(value, `"'`)
		switch on := value == "" || value == "true"; {
		case name == "--enable-helm" && on:
			out.enableHelm = true
		case (name == "--enable-managedby-label" || name == "--enable_managedby_label") && on:
			out.managedBy = true
		case name == "--load-restrictor" || name == "--load_restrictor":
			out.unrestricted = value == "LoadRestrictionsNone" || value == "none"
		case name == "--helm-command" || value == "false":
			// Helm is built in; and what is off is not asked for.
		default:
			out.unknown = append(out.unknown, name)
		}
	}
	return out
}

// err says what is not honoured.
func (b buildOptions) err() error {
	if len(b.unknown) == 0 {
		return nil
	}
	return fmt.Errorf("%s is not honoured", strings.Join(b.unknown, ", "))
}

// buildOptions are those of a version of Kustomize, else those of any.
func (s *Settings) buildOptions(version string) buildOptions {
	if b, ok := s.kustomize[version]; ok {
		return b
	}
	return s.kustomize[""]
}

// apply sets what the flags ask for.
func (b buildOptions) apply(k *model.Kustomize) {
	k.EnableHelm, k.Unrestricted = b.enableHelm, b.unrestricted
	if b.managedBy {
		k.BuildMetadata = []string{"managedByLabel"}
	}
}
