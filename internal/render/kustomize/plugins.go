package kustomize

import (
	"bytes"
	"path"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/render/manifest"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// admitPlugins goes through the configuration of built-in generators,
// transformers and validators, which may name files as well. Plugins that are
// not built in are refused by Kustomize.
func (k *kustFS) admitPlugins(name string, kust *types.Kustomization) error {
	for _, it := range []struct {
		field   string
		configs []string
	}{
		{"generators", kust.Generators}, {"transformers", kust.Transformers}, {"validators", kust.Validators},
	} {
		for _, config := range it.configs {
			if err := k.admitPlugin(name, it.field, config); err != nil {
				return err
			}
		}
	}
	return nil
}

// admitPlugin goes through one that is written out, or that is in a file.
func (k *kustFS) admitPlugin(name, field, config string) error {
	if remoteStart.MatchString(config) {
		return errRemote(name, field, strings.SplitN(config, "\n", 2)[0])
	}
	if isMapping([]byte(config)) {
		return admitConfig(name, field, []byte(config))
	}
	if err := k.admitBase(name, field, config); err != nil {
		return err
	}
	at := path.Join(mount, path.Dir(name), config)
	if k.IsDir(at) {
		return model.Invalidf("%s: %s: %q is a directory, which can't be used here yet; name its files", name, field, config)
	}
	text, err := k.ReadFile(at)
	if err != nil {
		return err
	}
	return admitConfig(name, field, text)
}

func isMapping(text []byte) bool {
	var doc yaml.Node
	return yaml.NewDecoder(bytes.NewReader(text)).Decode(&doc) == nil &&
		len(doc.Content) > 0 && doc.Content[0].Kind == yaml.MappingNode
}

// admitConfig reads a configuration with Kustomize's own parser.
func admitConfig(name, field string, text []byte) error {
	if err := manifest.Guard(text); err != nil {
		return model.Invalidf("%s: %s: %w", name, field, err)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	for {
		var value any
		if decoder.Decode(&value) != nil {
			return nil
		}
		var refs []fileRef
		configRefs(value, field, "", &refs)
		if err := admitFiles(name, refs); err != nil {
			return err
		}
	}
}

// configRefs collects the files that a configuration may name. key is the field
// that value stands in, in lower case.
func configRefs(value any, field, key string, refs *[]fileRef) {
	switch v := value.(type) {
	case string:
		switch key {
		case "path", "paths", "files", "env", "envs", "targetfilepath":
			*refs = append(*refs, fileRef{field, v})
		}
	case []any:
		for _, item := range v {
			configRefs(item, field, key, refs)
		}
	case map[string]any:
		for name, item := range v {
			configRefs(item, field, strings.ToLower(name), refs)
		}
	case map[any]any:
		for name, item := range v {
			text, _ := name.(string)
			configRefs(item, field, strings.ToLower(text), refs)
		}
	}
}
