package helm

import (
	"path"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/render/input"
	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	chartutil "helm.sh/helm/v4/pkg/chart/v2/util"
	"helm.sh/helm/v4/pkg/engine"
)

// Options is what a render of a chart needs of others.
type Options struct {
	// Post lays a kustomization over objects, for post-renderers. Origin is kept
	// for objects that stay what they are.
	Post func([]model.Object, model.Kustomize) ([]model.Object, error)
	// Decrypt returns the cleartext of a value file that SOPS has encrypted, and
	// other files as they are; nil decrypts nothing.
	Decrypt func(name string, data []byte) ([]byte, error)
}

// Render makes the objects of the chart in dir, with the settings of
// in.Render.Helm. They come as Helm prints them: custom resource definitions,
// then manifests in the order in which they are installed, then hooks. What is
// wrong with the chart or its values is model.ErrInvalid and names no value.
func Render(in *input.Inputs, dir string, opt Options) ([]model.Object, error) {
	return Inflate(in, in.Files, dir, in.Render.Helm, opt)
}

// Inflate is Render for a chart in any files, with settings of its own. Value
// files are those of the same files.
func Inflate(in *input.Inputs, files *input.Files, dir string, h model.Helm, opt Options) ([]model.Object, error) {
	r := &run{in: in, files: files, dir: dir, set: h, opt: opt}
	l, err := r.load()
	if err != nil {
		return nil, err
	}
	r.mentions = l.mentions
	vals, err := r.values()
	if err != nil {
		return nil, err
	}
	c := fresh(l.chart)
	if err := r.installable(c); err != nil {
		return nil, err
	}
	if err := r.replaceDefaults(c); err != nil {
		return nil, err
	}
	top, err := r.prepare(c, vals)
	if err != nil {
		return nil, err
	}
	texts, err := r.execute(c, top, l.sites)
	if err != nil {
		return nil, err
	}
	return r.objects(c, texts)
}

// run is one render.
type run struct {
	in    *input.Inputs
	files *input.Files
	// dir is the chart's directory in files.
	dir string
	set model.Helm
	opt Options

	// mentions are those of the chart and of all values.
	mentions mentions
	// secrets are texts that no message may show.
	secrets []string
	// indexes is the sum of all that lists were made longer by.
	indexes int
	// fault is the first error of a lookup, whose kind the engine loses.
	fault error
}

const defaultNamespace = "default"

// installable checks what Helm checks before it looks at values.
func (r *run) installable(c *chart.Chart) error {
	if r.set.Release == "" {
		r.set.Release = "release-name"
	}
	if r.set.Namespace == "" {
		r.set.Namespace = defaultNamespace
	}
	if chartutil.ValidateReleaseName(r.set.Release) != nil {
		return model.Invalidf("release name %q: Helm allows at most 53 characters, lower case letters, digits, - and dots, "+
			"a letter or digit at both ends; set another release name", r.set.Release)
	}
	if t := c.Metadata.Type; t != "" && t != "application" {
		return model.Invalidf("%s: a %s chart, which other charts use and which can't be installed itself",
			path.Join(r.dir, chartFile), t)
	}
	if c.Metadata.Deprecated {
		r.in.Warnf("%s: the chart %s is deprecated", path.Join(r.dir, chartFile), c.Name())
	}
	return nil
}

// prepare decides which dependencies count and makes what templates are given.
func (r *run) prepare(c *chart.Chart, vals map[string]any) (common.Values, error) {
	if err := chartutil.ProcessDependencies(c, vals); err != nil {
		return nil, r.explainValues(err)
	}
	caps, err := r.capabilities(r.mentions, c.Metadata.KubeVersion != "")
	if err != nil {
		return nil, err
	}
	if want := c.Metadata.KubeVersion; want != "" && !chartutil.IsCompatibleRange(want, caps.KubeVersion.String()) {
		return nil, model.Invalidf("%s: the chart wants Kubernetes %s, and the target is %s",
			path.Join(r.dir, chartFile), want, caps.KubeVersion.Version)
	}
	release := common.ReleaseOptions{
		Name: r.set.Release, Namespace: r.set.Namespace, Revision: 1,
		IsInstall: !r.set.Upgrade, IsUpgrade: r.set.Upgrade,
	}
	top, err := util.ToRenderValuesWithSchemaValidation(c, vals, release, caps, true)
	if err != nil {
		return nil, r.explainValues(err)
	}
	if !r.set.SkipSchemaValidation {
		coalesced, _ := top["Values"].(common.Values)
		if err := r.validate(c, coalesced); err != nil {
			return nil, err
		}
	}
	return top, nil
}

// execute makes the texts of all templates, by their names.
func (r *run) execute(c *chart.Chart, top common.Values, sites map[string]site) (map[string]string, error) {
	e := engine.Engine{CustomTemplateFuncs: r.functions(sites)}
	texts, err := e.RenderWithContext(r.in.Context(), c, top)
	if broken := r.in.Check(); broken != nil {
		return nil, broken
	}
	if r.fault != nil {
		return nil, r.fault
	}
	if err != nil {
		return nil, r.explain(c.Name(), err, sites)
	}
	return texts, nil
}

// origin is where a template lies in the source, given the name that Helm has
// for it.
func (r *run) origin(chartName, name string) string {
	return path.Join(r.dir, strings.TrimPrefix(name, chartName+"/"))
}
