package kustomize

import (
	"bytes"
	"fmt"
	"path"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/render/input"
	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/types"
	kyaml "sigs.k8s.io/kustomize/kyaml/yaml"
	"sigs.k8s.io/kustomize/kyaml/yaml/merge2"
	"sigs.k8s.io/yaml"
)

// How a chart's inline values and its file of values become one.
const (
	valuesOverride = "override" // inline wins
	valuesMerge    = "merge"    // the file wins
	valuesReplace  = "replace"  // only inline
)

func (t *target) globals() types.HelmGlobals {
	if t.kust.HelmGlobals == nil {
		return types.HelmGlobals{}
	}
	return *t.kust.HelmGlobals
}

// chartGenerator inflates a chart that a file under generators describes.
type chartGenerator struct {
	t *target
	types.HelmGlobals
	types.HelmChart
}

// Config does nothing: the configuration is read before.
func (g *chartGenerator) Config(*resmap.PluginHelpers, []byte) error { return nil }

// Generate inflates the chart.
func (g *chartGenerator) Generate() (resmap.ResMap, error) {
	return g.t.inflate(g.HelmGlobals, g.HelmChart)
}

// chart inflates an entry of helmCharts. It is in the namespace of the
// kustomization, or of those above, unless it names one.
func (t *target) chart(globals types.HelmGlobals, c types.HelmChart) (resmap.ResMap, error) {
	if c.Namespace == "" {
		c.Namespace = t.kust.Namespace
	}
	if c.Namespace == "" {
		c.Namespace = t.helmNamespace
	}
	return t.inflate(globals, c)
}

// inflate renders a chart with our Helm.
func (t *target) inflate(globals types.HelmGlobals, c types.HelmChart) (resmap.ResMap, error) {
	if !t.b.set.EnableHelm || t.b.opt.Helm == nil {
		return nil, faultf("must specify --enable-helm: charts in kustomizations are off for this app; " +
			"add it to Kustomize's build options where the dialect has them, or make the chart an app of its own")
	}
	if err := t.checkChart(c); err != nil {
		return nil, err
	}
	files, dir, err := t.findChart(globals, c)
	if err != nil {
		return nil, err
	}
	values, err := t.chartValues(files, dir, c)
	if err != nil {
		return nil, err
	}
	objects, err := t.b.opt.Helm(files, dir, t.b.chartSettings(c, values))
	if err != nil {
		return nil, fault{fmt.Errorf("chart %s: %w", c.Name, err)}
	}
	return t.b.generated(objects)
}

func (t *target) checkChart(c types.HelmChart) error {
	switch {
	case c.Name == "":
		return faultf("a chart needs a name")
	case strings.HasPrefix(c.Name, "-"):
		return faultf("the chart's name %q begins with -", c.Name)
	case strings.HasPrefix(c.ReleaseName, "-"):
		return faultf("the chart's releaseName %q begins with -", c.ReleaseName)
	case strings.Contains(c.Name, ".."):
		return faultf("the chart's name %q leads somewhere else", c.Name)
	}
	return nil
}

// findChart is the directory of a chart: below chartHome if it is there, else in
// its repository.
func (t *target) findChart(globals types.HelmGlobals, c types.HelmChart) (*input.Files, string, error) {
	home := globals.ChartHome
	if home == "" {
		home = types.HelmDefaultHome
	}
	if c.Version != "" && c.Repo != "" {
		home = path.Join(home, c.Name+"-"+c.Version)
	}
	dir, err := t.load.name(path.Join(home, c.Name))
	if err != nil {
		return nil, "", err
	}
	switch k, err := t.load.files.Kind(dir); {
	case err != nil:
		return nil, "", err
	case k == input.Dir:
		return t.load.files, dir, nil
	case c.Repo == "":
		return nil, "", faultf("no chart %q in the source, and no repo to get it from", path.Join(home, c.Name))
	}
	src := model.Source{Kind: model.SourceHelm, URL: c.Repo, Chart: c.Name, Ref: model.Ref{Any: c.Version}}
	if strings.HasPrefix(c.Repo, "oci://") {
		src.Kind = model.SourceOCI
	}
	if c.Devel && c.Version == "" {
		src.Ref = model.Ref{SemVer: ">0.0.0-0"}
	}
	files, _, err := t.b.in.Remote(src)
	if err != nil {
		return nil, "", t.b.unreachable("chart "+c.Name+" of", c.Repo, err)
	}
	return files, ".", nil
}

// chartValues are the values of a chart, in the order in which they count.
func (t *target) chartValues(chart *input.Files, dir string, c types.HelmChart) ([]model.Values, error) {
	var values []model.Values
	text, from, err := t.valuesFile(chart, dir, c)
	if err != nil {
		return nil, err
	}
	if len(c.ValuesInline) > 0 {
		if text, err = mergeValues(text, c); err != nil {
			return nil, err
		}
		from = "valuesInline"
	}
	values = append(values, model.Values{Text: text, From: from})
	for _, name := range c.AdditionalValuesFiles {
		more, err := t.load.Load(name)
		if err != nil {
			return nil, err
		}
		values = append(values, model.Values{Text: more, From: name})
	}
	return values, nil
}

// valuesFile is the file that a chart's values begin with: the one that is
// named, or the chart's own.
func (t *target) valuesFile(chart *input.Files, dir string, c types.HelmChart) (text []byte, from string, err error) {
	if c.ValuesFile != "" {
		text, err = t.load.Load(c.ValuesFile)
		return text, c.ValuesFile, err
	}
	own := path.Join(dir, "values.yaml")
	k, err := chart.Kind(own)
	if err != nil || k != input.File {
		return nil, own, err
	}
	text, err = chart.Read(own)
	return text, chart.Place(own), err
}

// mergeValues makes one of the inline values and a file.
func mergeValues(file []byte, c types.HelmChart) ([]byte, error) {
	inline := c.ValuesInline
	switch c.ValuesMerge {
	case valuesReplace:
		return yaml.Marshal(inline)
	case valuesOverride, valuesMerge, "":
	default:
		return nil, faultf("valuesMerge is %q, and has to be %s, %s or %s", c.ValuesMerge, valuesOverride, valuesMerge, valuesReplace)
	}
	if len(bytes.TrimSpace(file)) == 0 {
		return yaml.Marshal(inline)
	}
	base, err := kyaml.Parse(string(file))
	if err != nil {
		return nil, err
	}
	over, err := kyaml.FromMap(inline)
	if err != nil {
		return nil, err
	}
	if c.ValuesMerge == valuesMerge {
		base, over = over, base
	}
	merged, err := merge2.Merge(over, base, kyaml.MergeOptions{})
	if err != nil {
		return nil, err
	}
	values, err := merged.Map()
	if err != nil {
		return nil, err
	}
	return yaml.Marshal(values)
}

// chartSettings are those of our Helm for a chart. What the kustomization says
// of the cluster counts more than what the app says.
func (b *build) chartSettings(c types.HelmChart, values []model.Values) model.Helm {
	h := model.Helm{
		Release: c.ReleaseName, Namespace: c.Namespace, Values: values,
		KubeVersion: c.KubeVersion, APIVersions: c.ApiVersions,
		SkipCRDs: !c.IncludeCRDs, SkipHooks: c.SkipHooks, SkipTests: c.SkipTests,
	}
	if h.Release == "" {
		h.Release = c.NameTemplate
	}
	if h.KubeVersion == "" {
		h.KubeVersion = b.set.KubeVersion
	}
	if len(h.APIVersions) == 0 {
		h.APIVersions = b.set.APIVersions
	}
	return h
}

// generated are a chart's objects as resources, marked so that the
// kustomization's namespace leaves them alone.
func (b *build) generated(objects []model.Object) (resmap.ResMap, error) {
	list, err := b.fromObjects(objects)
	if err != nil {
		return nil, err
	}
	for _, r := range list {
		if err := r.PipeE(kyaml.SetAnnotation(konfig.HelmGeneratedAnnotation, "true")); err != nil {
			return nil, err
		}
	}
	a := newAccumulator()
	if err := a.add(list); err != nil {
		return nil, err
	}
	return a.made, nil
}
