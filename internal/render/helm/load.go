package helm

import (
	"cmp"
	"errors"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/render/manifest"
	"helm.sh/helm/v4/pkg/chart/loader/archive"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
)

// loaded is a chart with its dependencies, parsed. It is shared between renders
// and never changed; see fresh.
type loaded struct {
	chart *chart.Chart
	// sites are the calls whose place was kept, by the names that the templates
	// call them by now.
	sites map[string]site
	// mentions are those of all files.
	mentions mentions
	// files are the chart's, archives unpacked.
	files []*archive.BufferedFile
	size  int
}

// load parses the files of a chart, or remembers that it did.
func load(dir string, files []*archive.BufferedFile) (*loaded, error) {
	key := digestOf(files)
	if l := charts.get(key); l != nil {
		return l, nil
	}
	l, err := parseChart(files)
	if err != nil {
		return nil, explainLoad(dir, err)
	}
	charts.put(key, l)
	return l, nil
}

func digestOf(files []*archive.BufferedFile) model.Digest {
	parts := make([][]byte, 0, 2*len(files))
	for _, f := range files {
		parts = append(parts, []byte(f.Name), f.Data)
	}
	return model.DigestOf(parts...)
}

func parseChart(files []*archive.BufferedFile) (*loaded, error) {
	files, err := unpackAll(files)
	if err != nil {
		return nil, err
	}
	l := &loaded{sites: map[string]site{}, files: files}
	for _, f := range files {
		l.size += len(f.Name) + len(f.Data)
		if settings[path.Base(f.Name)] && !template.MatchString(f.Name) {
			if err := manifest.Guard(f.Data); err != nil {
				return nil, model.Invalidf("%s, %w", f.Name, err)
			}
		}
	}
	if l.chart, err = loader.LoadFiles(l.mark(files)); err != nil {
		return nil, err
	}
	order(l.chart)
	return l, nil
}

// settings are the files that Helm reads as YAML.
var settings = map[string]bool{
	chartFile: true, "values.yaml": true, "Chart.lock": true, "requirements.yaml": true, "requirements.lock": true,
}

// template matches the path of a template of a chart or of a dependency.
var template = regexp.MustCompile(`^(?:charts/[^/]+/)*templates/`)

// mark is a copy of the files for Helm, in which the places of calls are kept
// that warnings may have to name.
func (l *loaded) mark(files []*archive.BufferedFile) []*archive.BufferedFile {
	out := make([]*archive.BufferedFile, len(files))
	for i, f := range files {
		marked := &archive.BufferedFile{Name: f.Name, Data: f.Data}
		// Any file may be given to tpl.
		l.mentions.add(f.Data)
		if template.MatchString(f.Name) {
			marked.Data = markCalls(f.Name, f.Data, l.sites)
		}
		out[i] = marked
	}
	return out
}

// order gives dependencies the order of their names: Helm has them as they fall
// out of a map.
func order(c *chart.Chart) {
	deps := slices.SortedStableFunc(slices.Values(c.Dependencies()), func(a, b *chart.Chart) int {
		return cmp.Or(cmp.Compare(a.Name(), b.Name()), cmp.Compare(a.Metadata.Version, b.Metadata.Version))
	})
	c.SetDependencies(deps...)
	for _, d := range deps {
		order(d)
	}
}

// fresh is a copy of the chart in which everything can be changed that Helm
// changes while it renders.
func fresh(c *chart.Chart) *chart.Chart {
	out := *c
	meta := *c.Metadata
	out.Metadata = &meta
	meta.Annotations = maps.Clone(c.Metadata.Annotations)
	meta.Dependencies = slices.Clone(c.Metadata.Dependencies)
	for i, d := range meta.Dependencies {
		dep := *d
		meta.Dependencies[i] = &dep
	}
	deps := make([]*chart.Chart, len(c.Dependencies()))
	for i, d := range c.Dependencies() {
		deps[i] = fresh(d)
	}
	out.SetDependencies(deps...)
	return &out
}

// explainLoad says what is wrong with a chart.
func explainLoad(dir string, err error) error {
	if errors.Is(err, model.ErrInvalid) {
		return model.Invalidf("chart %s: %w", dir, err)
	}
	text := strings.ReplaceAll(scrub(err.Error()), unpacked, "")
	return model.Invalidf("chart %s: %s", dir, text)
}
