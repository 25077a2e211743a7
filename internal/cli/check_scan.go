package cli

import (
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	kyaml "sigs.k8s.io/kustomize/kyaml/yaml"
	"sigs.k8s.io/yaml"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// manifest is a document that declares an app or a source, or that they refer to.
type manifest struct {
	file string // as it is printed
	line int    // of its first line
	node *kyaml.Node
	*unstructured.Unstructured
}

// content is a directory to render.
type content struct{ path, tool string }

// scan reads all files below the directory: it collects what is declared, and
// lists the directories that hold content.
func (c *checker) scan() ([]content, error) {
	var out []content
	kustomized := map[string]bool{}
	err := fs.WalkDir(c.top.tree, c.top.path, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("reading %s: %w: check its permissions", c.shown(c.top, name), err)
		}
		if ctxErr := c.ctx.Err(); ctxErr != nil {
			return ctxErr
		}
		if !entry.IsDir() {
			return c.read(name)
		}
		if name != c.top.path && strings.HasPrefix(entry.Name(), ".") {
			return fs.SkipDir
		}
		c.folders[path.Base(name)] = append(c.folders[path.Base(name)], filepath.Join(c.top.top, filepath.FromSlash(name)))
		kustomized[name] = kustomized[path.Dir(name)] && name != c.top.path
		switch kind := c.kustomization(name); {
		case c.isChart(name):
			if !c.isLibrary(name) {
				out = append(out, content{name, model.ToolHelm})
			}
			return fs.SkipDir
		case kind == "Component":
			kustomized[name] = true
		case kind != "":
			kustomized[name] = true
			out = append(out, content{name, model.ToolKustomize})
		case !kustomized[name] && c.holdsManifests(name):
			out = append(out, content{name, model.ToolDirectory})
		}
		return nil
	})
	c.manifests = slices.DeleteFunc(c.manifests, func(m manifest) bool { return c.patches[m.file] })
	return out, err
}

// isChart reports whether a directory is a Helm chart, all of which is its own.
func (c *checker) isChart(dir string) bool {
	info, err := c.top.tree.Stat(path.Join(dir, "Chart.yaml"))
	return err == nil && !info.IsDir()
}

// isLibrary reports whether a chart is only for others to use, and renders to
// nothing by itself.
func (c *checker) isLibrary(dir string) bool {
	var chart struct{ Type string }
	data, err := c.top.tree.ReadFile(path.Join(dir, "Chart.yaml"))
	return err == nil && yaml.Unmarshal(data, &chart) == nil && chart.Type == "library"
}

// kustomizationHead is what a scan needs of a kustomization file.
type kustomizationHead struct {
	APIVersion, Kind      string
	Patches               []struct{ Path string }
	PatchesStrategicMerge []string
}

// patchFiles are the files that hold a part of an object only.
func (k kustomizationHead) patchFiles() []string {
	out := slices.Clone(k.PatchesStrategicMerge)
	for _, p := range k.Patches {
		out = append(out, p.Path)
	}
	return out
}

var kustomizationFiles = []string{"kustomization.yaml", "kustomization.yml", "Kustomization"}

// kustomization is the kind of the kustomization file of a directory; "" if it
// has none.
func (c *checker) kustomization(dir string) string {
	for _, name := range kustomizationFiles {
		data, err := c.top.tree.ReadFile(path.Join(dir, name))
		if err != nil {
			continue
		}
		var head kustomizationHead
		switch err := yaml.Unmarshal(data, &head); {
		case err == nil && head.Kind == "Component":
			return head.Kind
		case err == nil && strings.Contains(head.APIVersion, "toolkit.fluxcd.io"):
			continue // Flux's kind of that name
		}
		for _, file := range head.patchFiles() {
			c.patches[c.shown(c.top, path.Join(dir, file))] = true
		}
		return "Kustomization"
	}
	return ""
}

func (c *checker) holdsManifests(dir string) bool {
	entries, err := c.top.tree.ReadDir(dir)
	return err == nil && slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return !e.IsDir() && isManifestFile(e.Name()) })
}

func isManifestFile(name string) bool {
	return slices.Contains([]string{".yaml", ".yml", ".json"}, path.Ext(name))
}

// separators stand between the documents of a YAML file.
var separators = regexp.MustCompile(`(?m)^---.*$`)

// declares is what a file has to hold to declare anything, or to be referred to.
var declares = regexp.MustCompile(`argoproj\.io|toolkit\.fluxcd\.io|kind["']?:\s*["']?(?:ConfigMap|Secret|ServiceAccount)\b`)

// read collects the declarations of a file. What can't be parsed is left to
// the render of its directory.
func (c *checker) read(name string) error {
	if !isManifestFile(name) {
		return nil
	}
	data, err := c.top.tree.ReadFile(name)
	if err != nil || !declares.Match(data) {
		return nil
	}
	line := 1
	for _, doc := range separators.Split(string(data), -1) {
		var node kyaml.Node
		var body map[string]any
		if kyaml.Unmarshal([]byte(doc), &node) == nil && yaml.Unmarshal([]byte(doc), &body) == nil && len(body) > 0 {
			m := manifest{file: c.shown(c.top, name), line: line, node: &node, Unstructured: &unstructured.Unstructured{Object: whole(body)}}
			c.manifests = append(c.manifests, m)
		}
		line += strings.Count(doc, "\n")
	}
	return nil
}

// shown is the name of a file as the user would write it.
func (c *checker) shown(at place, name string) string {
	full := filepath.Join(at.top, filepath.FromSlash(name))
	base := filepath.Join(c.top.top, filepath.FromSlash(c.top.path))
	rel, err := filepath.Rel(base, full)
	if err != nil {
		return name
	}
	return filepath.ToSlash(filepath.Join(c.dir, rel))
}

// whole gives numbers the types that unstructured objects have.
func whole(body map[string]any) map[string]any {
	for k, v := range body {
		body[k] = wholeValue(v)
	}
	return body
}

func wholeValue(v any) any {
	switch v := v.(type) {
	case map[string]any:
		return whole(v)
	case []any:
		for i := range v {
			v[i] = wholeValue(v[i])
		}
	case float64:
		if v == float64(int64(v)) {
			return int64(v)
		}
	}
	return v
}

// located is how the renderer begins a message about a file.
var located = regexp.MustCompile(`^([^\s:,][^:,]*\.(?:ya?ml|json)|(?:[^\s:,]+/)?Kustomization)(?:, document \d+)?(?:, line (\d+))?: (?s:(.*))$`)

// locate makes a finding of a renderer's message.
func (c *checker) locate(at place, text, severity string, app *manifest) finding {
	f := finding{Severity: severity, Text: text}
	if m := located.FindStringSubmatch(text); m != nil {
		if _, err := fs.Stat(at.tree, m[1]); err == nil {
			f.File, f.Text = c.shown(at, m[1]), m[3]
			f.Line, _ = strconv.Atoi(m[2])
			return f
		}
	}
	if app != nil {
		f.File, f.Line = app.file, app.lineOf("spec.source.path", "spec.path")
	}
	return f
}
