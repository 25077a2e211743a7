package kustomize

import (
	"strings"

	"sigs.k8s.io/kustomize/api/builtins" //nolint:staticcheck // there is no other way to the library's transformers
	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/resource"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/yaml"
)

// step is a transformer in its turn.
type step struct {
	resmap.Transformer
	// field is what the kustomization asks for it with.
	field  string
	origin *resource.Origin
}

// transform does what the kustomization says to all that a has.
func (t *target) transform(a *accumulator) error {
	steps := &steps{t: t, config: a.config}
	for _, add := range []func() error{
		steps.strategicMerges, steps.patches, steps.namespace, steps.affixes, steps.labels, steps.annotations,
		steps.jsonPatches, steps.replicas, steps.images, steps.replacements,
	} {
		if err := add(); err != nil {
			return err
		}
	}
	more, err := t.transformerPlugins("transformers", t.kust.Transformers)
	if err != nil {
		return err
	}
	for _, s := range append(steps.list, more...) {
		if err := s.run(a.made); err != nil {
			return t.wrong(s.field, err)
		}
		if err := t.b.in.Check(); err != nil {
			return err
		}
	}
	return nil
}

func (s step) run(made resmap.ResMap) error {
	if err := s.Transform(made); err != nil {
		return err
	}
	if s.origin != nil {
		if err := made.AddTransformerAnnotation(s.origin); err != nil {
			return err
		}
	}
	made.DropEmpties()
	return nil
}

// steps are the transformers of a kustomization's own fields, in the order in
// which the library has them.
type steps struct {
	t      *target
	config *config
	list   []step
}

func (s *steps) add(field, kind string, tr resmap.Transformer) {
	s.list = append(s.list, step{field: field, Transformer: tr, origin: s.t.inPlace(kind)})
}

// configured adds a transformer that reads its configuration as text.
func (s *steps) configured(field, kind string, tr resmap.TransformerPlugin, config any) error {
	text, err := yaml.Marshal(config)
	if err == nil {
		err = tr.Config(s.t.helpers(), text)
	}
	if err != nil {
		return s.t.wrong(field, err)
	}
	s.add(field, kind, tr)
	return nil
}

func (s *steps) strategicMerges() error {
	paths := s.t.kust.PatchesStrategicMerge
	if len(paths) == 0 {
		return nil
	}
	return s.configured("patchesStrategicMerge", "PatchStrategicMergeTransformer", builtins.NewPatchStrategicMergeTransformerPlugin(),
		struct {
			Paths []types.PatchStrategicMerge `json:"paths,omitempty"`
		}{paths})
}

func (s *steps) patches() error {
	for _, p := range s.t.kust.Patches {
		if err := s.patch(p); err != nil {
			return err
		}
	}
	return nil
}

// patch adds a patch that is written out or in a file. The library says what is
// wrong with it.
func (s *steps) patch(p types.Patch) error {
	if p.Path != "" && p.Patch == "" {
		text, err := s.t.load.Load(p.Path)
		if err != nil {
			return s.t.wrong("patches", err)
		}
		if strings.TrimSpace(string(text)) != "" {
			p.Path, p.Patch = "", string(text)
		}
	}
	const kind = "PatchTransformer"
	if fast := newJSONPatch(p); fast != nil {
		s.add("patches", kind, fast)
		return nil
	}
	return s.configured("patches", kind, builtins.NewPatchTransformerPlugin(), p)
}

func (s *steps) jsonPatches() error {
	for _, p := range s.t.kust.PatchesJson6902 {
		err := s.configured("patchesJson6902", "PatchJson6902Transformer", builtins.NewPatchJson6902TransformerPlugin(), struct {
			Target *types.Selector `json:"target,omitempty"`
			Path   string          `json:"path,omitempty"`
			JSONOp string          `json:"jsonOp,omitempty"`
		}{p.Target, p.Path, p.Patch})
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *steps) namespace() error {
	if ns := s.t.kust.Namespace; ns != "" {
		s.add("namespace", "NamespaceTransformer", &namespaceStep{namespace: ns, specs: s.config.NameSpace})
	}
	return nil
}

func (s *steps) affixes() error {
	if prefix := s.t.kust.NamePrefix; prefix != "" {
		s.add("namePrefix", "PrefixTransformer", &affixStep{prefix: prefix, specs: s.config.NamePrefix})
	}
	if suffix := s.t.kust.NameSuffix; suffix != "" {
		s.add("nameSuffix", "SuffixTransformer", &affixStep{suffix: suffix, specs: s.config.NameSuffix})
	}
	return nil
}

func (s *steps) labels() error {
	if len(s.t.kust.Labels) == 0 && len(s.t.kust.CommonLabels) == 0 {
		return nil
	}
	for _, l := range s.t.kust.Labels {
		specs, err := s.labelSpecs(l)
		if err != nil {
			return s.t.wrong("labels", err)
		}
		s.add("labels", "LabelTransformer", &labelStep{labels: l.Pairs, specs: specs})
	}
	s.add("commonLabels", "LabelTransformer", &labelStep{labels: s.t.kust.CommonLabels, specs: s.config.CommonLabels})
	return nil
}

// labelSpecs are the fields that labels are set in.
func (s *steps) labelSpecs(l types.Label) (types.FsSlice, error) {
	specs, err := append(types.FsSlice(nil), l.FieldSpecs...).MergeAll(s.config.Labels)
	if err != nil {
		return nil, err
	}
	if l.IncludeSelectors {
		return specs.MergeAll(s.config.CommonLabels)
	}
	if l.IncludeTemplates {
		if specs, err = specs.MergeAll(s.config.TemplateLabels); err != nil {
			return nil, err
		}
	}
	if l.IncludeVolumeClaimTemplates {
		if specs, err = specs.MergeAll(s.config.VolumeClaimTemplateLabels); err != nil {
			return nil, err
		}
	}
	return specs.MergeOne(types.FieldSpec{Path: "metadata/labels", CreateIfNotPresent: true})
}

func (s *steps) annotations() error {
	if set := s.t.kust.CommonAnnotations; len(set) > 0 {
		s.add("commonAnnotations", "AnnotationsTransformer", &annotationStep{annotations: set, specs: s.config.CommonAnnotations})
	}
	return nil
}

func (s *steps) replicas() error {
	for _, r := range s.t.kust.Replicas {
		s.add("replicas", "ReplicaCountTransformer", &builtins.ReplicaCountTransformerPlugin{Replica: r, FieldSpecs: s.config.Replicas})
	}
	return nil
}

func (s *steps) images() error {
	for _, i := range s.t.kust.Images {
		s.add("images", "ImageTagTransformer", &imageStep{image: i, specs: s.config.Images})
	}
	return nil
}

func (s *steps) replacements() error {
	list := s.t.kust.Replacements
	if len(list) == 0 {
		return nil
	}
	return s.configured("replacements", "ReplacementTransformer", builtins.NewReplacementTransformerPlugin(), struct {
		Replacements []types.ReplacementField `json:"replacements"`
	}{list})
}

// validate lets validators look at what a has. They may not change it.
func (t *target) validate(a *accumulator) error {
	if len(t.kust.Validators) == 0 {
		return nil
	}
	list, err := t.transformerPlugins("validators", t.kust.Validators)
	if err != nil {
		return err
	}
	for _, v := range list {
		before := a.made.DeepCopy()
		if err := v.Transform(a.made); err != nil {
			return t.wrong("validators", err)
		}
		after := a.made.DeepCopy()
		for _, r := range after.Resources() {
			labels := r.GetLabels()
			if _, marked := labels[validatedBy]; !marked {
				continue
			}
			delete(labels, validatedBy)
			if err := r.SetLabels(labels); err != nil {
				return t.wrong("validators", err)
			}
		}
		if before.ErrorIfNotEqualSets(after) != nil {
			return t.wrong("validators", faultf("a validator changes resources; name it under transformers"))
		}
	}
	return nil
}

// validatedBy is the label that a validator may set.
const validatedBy = konfig.ValidatedByLabelKey
