package helm

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"path"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/render/input"
	"helm.sh/helm/v4/pkg/chart/loader/archive"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	chartutil "helm.sh/helm/v4/pkg/chart/v2/util"
	"sigs.k8s.io/yaml"
)

// load reads the chart. If a dependency is missing, all those that come from
// elsewhere are got, as `helm dependency build` does.
func (r *run) load() (*loaded, error) {
	if kind, err := r.files.Kind(path.Join(r.dir, chartFile)); err != nil {
		return nil, err
	} else if kind != input.File {
		return nil, model.Invalidf("%s: no chart: there is no %s; correct the path", r.dir, chartFile)
	}
	files, err := readChart(r.files, r.dir, false)
	if err != nil {
		return nil, err
	}
	l, err := load(r.dir, files)
	if err != nil {
		return nil, err
	}
	if missing(l.chart) {
		if files, err = r.build(l); err != nil {
			return nil, err
		}
		if l, err = load(r.dir, files); err != nil {
			return nil, err
		}
	}
	r.warnIncomplete(l.chart)
	return l, nil
}

// missing reports whether charts/ lacks a dependency.
func missing(c *chart.Chart) bool {
	return slices.ContainsFunc(c.Metadata.Dependencies, func(d *chart.Dependency) bool { return !has(c, d.Name) })
}

func has(c *chart.Chart, name string) bool {
	return slices.ContainsFunc(c.Dependencies(), func(d *chart.Chart) bool { return d.Name() == name })
}

// warnIncomplete tells of what Helm passes over in silence: dependencies of
// dependencies that are not there, and those of a version that is not wanted.
func (r *run) warnIncomplete(c *chart.Chart) {
	for _, d := range c.Metadata.Dependencies {
		others, fits := "", false
		for _, s := range c.Dependencies() {
			if s.Name() == d.Name {
				others = s.Metadata.Version
				fits = fits || chartutil.IsCompatibleRange(d.Version, others)
			}
		}
		switch {
		case fits:
		case others == "":
			r.in.Warnf("chart %s: its dependency %s %s is not in charts/: left out, as Helm does",
				c.ChartFullPath(), d.Name, d.Version)
		default:
			r.in.Warnf("chart %s: its dependency %s has to be %s, and charts/ has %s, which is rendered as if it were not declared, as Helm does",
				c.ChartFullPath(), d.Name, d.Version, others)
		}
	}
	for _, d := range c.Dependencies() {
		r.warnIncomplete(d)
	}
}

// build is the chart's files with the dependencies that come from elsewhere.
func (r *run) build(l *loaded) ([]*archive.BufferedFile, error) {
	wanted, err := r.lock(l.chart)
	if err != nil {
		return nil, err
	}
	files := slices.Clone(l.files)
	for i, d := range wanted {
		if d.Repository == "" {
			if !has(l.chart, d.Name) {
				return nil, model.Invalidf("%s: the dependency %s names no repository and is not in charts/",
					path.Join(r.dir, chartFile), d.Name)
			}
			continue
		}
		got, err := r.dependency(d)
		if err != nil {
			return nil, err
		}
		if i == slices.IndexFunc(wanted, func(o *chart.Dependency) bool { return o.Name == d.Name }) {
			files = without(files, d.Name)
		}
		files = append(files, below("charts/"+d.Name+" "+d.Version+fromElsewhere, got)...)
	}
	return files, nil
}

// fromElsewhere is how directories in charts/ end that a dependency was put
// into; users have no such names.
const fromElsewhere = " (dependency)"

// without are the files but for those of a chart in charts/.
func without(files []*archive.BufferedFile, name string) []*archive.BufferedFile {
	var gone []string
	for _, f := range files {
		dir, ok := strings.CutSuffix(f.Name, "/"+chartFile)
		var meta chart.Metadata
		if ok && path.Dir(dir) == "charts" && !strings.HasSuffix(dir, fromElsewhere) &&
			yaml.Unmarshal(f.Data, &meta) == nil && meta.Name == name {
			gone = append(gone, dir)
		}
	}
	return slices.DeleteFunc(files, func(f *archive.BufferedFile) bool {
		return slices.ContainsFunc(gone, func(dir string) bool { return input.Within(f.Name, dir) })
	})
}

// lock are the dependencies in the versions of the lock file, where there is
// one; it has to fit the chart.
func (r *run) lock(c *chart.Chart) ([]*chart.Dependency, error) {
	if c.Lock == nil {
		return c.Metadata.Dependencies, nil
	}
	old := c.Metadata.APIVersion == chart.APIVersionV1
	if c.Lock.Digest == hashOf([2][]*chart.Dependency{c.Metadata.Dependencies, c.Lock.Dependencies}) ||
		old && c.Lock.Digest == hashOf(map[string][]*chart.Dependency{"dependencies": c.Metadata.Dependencies}) {
		return c.Lock.Dependencies, nil
	}
	return nil, model.Invalidf("chart %s: its lock file does not fit the dependencies that it declares; "+
		"run helm dependency update and push the lock file", r.dir)
}

// hashOf is how Helm recognises what a lock file was made for.
func hashOf(what any) string {
	data, err := json.Marshal(what)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// dependency are the files of a dependency from elsewhere.
func (r *run) dependency(d *chart.Dependency) ([]*archive.BufferedFile, error) {
	repo := d.Repository
	if strings.HasPrefix(repo, "file://") {
		return r.localDependency(d)
	}
	src := model.Source{Kind: model.SourceHelm, URL: repo, Chart: d.Name, Ref: versionRef(d.Version)}
	src.Auth.PassCredentials = r.set.PassCredentials
	switch scheme, _, _ := strings.Cut(repo, "://"); scheme {
	case "oci":
		src.Kind = model.SourceOCI
	case "http", "https":
	default:
		if isAlias(repo) {
			break // the host knows the repositories of the app by their names
		}
		return nil, model.Invalidf("%s: the dependency %s has the repository %s; it has to be an http, https, oci or file URL",
			path.Join(r.dir, chartFile), d.Name, publicURL(repo))
	}
	files, _, err := r.in.Remote(src)
	if err != nil {
		return nil, err
	}
	return readChart(files, ".", true)
}

// isAlias reports whether a repository is given by its name.
func isAlias(repo string) bool {
	return strings.HasPrefix(repo, "@") || strings.HasPrefix(repo, "alias:")
}

// versionRef names one version, or a constraint.
func versionRef(version string) model.Ref {
	if _, err := semver.StrictNewVersion(strings.TrimPrefix(version, "v")); err == nil {
		return model.Ref{Any: version}
	}
	return model.Ref{SemVer: version}
}

// localDependency is a chart in another directory of the same source.
func (r *run) localDependency(d *chart.Dependency) ([]*archive.BufferedFile, error) {
	file, to := path.Join(r.dir, chartFile), strings.TrimPrefix(d.Repository, "file://")
	at := path.Join(r.dir, to)
	if path.IsAbs(to) || at == ".." || strings.HasPrefix(at, "../") {
		return nil, model.Invalidf("%s: the dependency %s has the repository %q, which leads out of the source; "+
			"name a directory of the source by its path from the chart", file, d.Name, d.Repository)
	}
	if kind, err := r.files.Kind(path.Join(at, chartFile)); err != nil {
		return nil, err
	} else if kind != input.File {
		return nil, model.Invalidf("%s: the dependency %s: there is no chart in %s", file, d.Name, at)
	}
	files, err := readChart(r.files, at, false)
	if err != nil {
		return nil, err
	}
	var meta chart.Metadata
	for _, f := range files {
		if f.Name == chartFile && yaml.Unmarshal(f.Data, &meta) != nil {
			return nil, model.Invalidf("%s can't be read", path.Join(at, chartFile))
		}
	}
	if !chartutil.IsCompatibleRange(d.Version, meta.Version) {
		return nil, model.Invalidf("%s: the dependency %s has to be %s, and %s is %s", file, d.Name, d.Version, at, meta.Version)
	}
	return files, nil
}
