package plugin

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/render/manifest"
	kjson "sigs.k8s.io/json"
)

// Annotations of a ConfigManagementPlugin that are not Argo CD's.
const (
	// NetworkAnnotation, with the value "true", lets the commands use TCP and UDP.
	NetworkAnnotation = "fixpoint-cd.github.io/network"
	// ReadAnnotation names files and folders of the host, separated by commas,
	// that the commands may read and execute besides those of the system.
	ReadAnnotation = "fixpoint-cd.github.io/read"
	// TimeoutAnnotation bounds one command, as "2m".
	TimeoutAnnotation = "fixpoint-cd.github.io/timeout"
)

// Plugin is a configured plugin.
type Plugin struct {
	Name, Version string
	// Init is run before Generate; nil runs nothing. Generate writes manifests
	// to its standard output.
	Init, Generate []string
	// Discover says which directories the plugin is for.
	Discover Discover
	// KeepModes keeps the modes of files; else none of a source is executable.
	KeepModes bool
	Network   bool
	Read      []string
	// Timeout bounds one command; 0 is the Runner's.
	Timeout time.Duration
}

// Discover says which directories a plugin is for: the first field that is set
// counts, and none is none.
type Discover struct {
	// FileName is a pattern for files, relative to the directory; * matches
	// within one name.
	FileName string
	// Glob is such a pattern in which ** matches any number of directories.
	Glob string
	// Command says yes by writing something and ending well.
	Command []string
}

func (d Discover) isSet() bool { return d.FileName != "" || d.Glob != "" || len(d.Command) > 0 }

// fullName is what an app names the plugin by.
func (p Plugin) fullName() string {
	if p.Version == "" {
		return p.Name
	}
	return p.Name + "-" + p.Version
}

// file is the form of a plugin in a file.
type file struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Name        string            `json:"name"`
		Namespace   string            `json:"namespace"`
		Labels      map[string]string `json:"labels"`
		Annotations map[string]string `json:"annotations"`
	} `json:"metadata"`
	Spec struct {
		Version  string  `json:"version"`
		Init     command `json:"init"`
		Generate command `json:"generate"`
		Discover struct {
			FileName string `json:"fileName"`
			Find     struct {
				command
				Glob string `json:"glob"`
			} `json:"find"`
		} `json:"discover"`
		// Parameters announce what a form may ask for; apps set what they like.
		Parameters       any  `json:"parameters"`
		PreserveFileMode bool `json:"preserveFileMode"`
		ProvideGitCreds  bool `json:"provideGitCreds"`
		// LockRepo has no meaning where every run has its own copy.
		LockRepo bool `json:"lockRepo"`
	} `json:"spec"`
}

type command struct {
	Command []string `json:"command"`
	Args    []string `json:"args"`
}

func (c command) line() []string { return append(slices.Clone(c.Command), c.Args...) }

// Load reads the plugins of the *.yaml and *.yml files in a folder, in the
// order of their names. Warnings name fields that are not honoured. An error
// names the file that is wrong.
func Load(dir string) (plugins []Plugin, warnings []string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, nil, fmt.Errorf("reading the folder of plugins: %w", err)
	}
	for _, e := range entries {
		name := filepath.Join(dir, e.Name())
		if ext := filepath.Ext(name); ext != ".yaml" && ext != ".yml" {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, nil, fmt.Errorf("reading the plugin: %w", err)
		}
		for _, doc := range manifest.Split(text) {
			p, some, err := parse(doc)
			if err != nil {
				return nil, nil, fmt.Errorf("reading the plugin in %s: %w", name, err)
			}
			for _, w := range some {
				warnings = append(warnings, fmt.Sprintf("%s: %s", name, w))
			}
			plugins = append(plugins, p)
		}
	}
	return plugins, warnings, unique(plugins)
}

func unique(plugins []Plugin) error {
	seen := map[string]bool{}
	for _, p := range plugins {
		if seen[p.fullName()] {
			return fmt.Errorf("there are two plugins %q; give one another name or version", p.fullName())
		}
		seen[p.fullName()] = true
	}
	return nil
}

func parse(doc manifest.Document) (p Plugin, warnings []string, err error) {
	text, err := doc.JSON()
	if err != nil {
		return p, nil, err
	}
	var f file
	strict, err := kjson.UnmarshalStrict(text, &f)
	if err != nil {
		return p, nil, err
	}
	for _, w := range strict {
		warnings = append(warnings, w.Error()+": not honoured")
	}
	if f.Spec.ProvideGitCreds {
		warnings = append(warnings, "spec.provideGitCreds: not honoured: a plugin never gets credentials of sources")
	}
	if f.APIVersion != "argoproj.io/v1alpha1" || f.Kind != "ConfigManagementPlugin" {
		return p, nil, fmt.Errorf("it is %s %s, and has to be argoproj.io/v1alpha1 ConfigManagementPlugin", f.APIVersion, f.Kind)
	}
	find := f.Spec.Discover.Find
	p = Plugin{
		Name: f.Metadata.Name, Version: f.Spec.Version,
		Init: f.Spec.Init.line(), Generate: f.Spec.Generate.line(),
		Discover:  Discover{FileName: f.Spec.Discover.FileName, Glob: find.Glob, Command: find.line()},
		KeepModes: f.Spec.PreserveFileMode,
	}
	return p, warnings, errors.Join(p.annotate(f.Metadata.Annotations), p.check())
}

func (p *Plugin) annotate(annotations map[string]string) (err error) {
	if v, ok := annotations[NetworkAnnotation]; ok {
		if p.Network, err = strconv.ParseBool(v); err != nil {
			return fmt.Errorf("annotation %s: %q is neither true nor false", NetworkAnnotation, v)
		}
	}
	for name := range strings.SplitSeq(annotations[ReadAnnotation], ",") {
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		if !filepath.IsAbs(name) {
			return fmt.Errorf("annotation %s: %q is no absolute path", ReadAnnotation, name)
		}
		p.Read = append(p.Read, filepath.Clean(name))
	}
	if v, ok := annotations[TimeoutAnnotation]; ok {
		if p.Timeout, err = time.ParseDuration(v); err != nil || p.Timeout <= 0 {
			return fmt.Errorf("annotation %s: %q is no duration, as 2m", TimeoutAnnotation, v)
		}
	}
	return nil
}

func (p *Plugin) check() error {
	switch {
	case p.Name == "":
		return errors.New("no metadata.name; add it")
	case len(p.Generate) == 0 || p.Generate[0] == "":
		return errors.New("no spec.generate.command; add it")
	}
	for field, pattern := range map[string]string{"fileName": p.Discover.FileName, "find.glob": p.Discover.Glob} {
		if err := checkPattern(pattern); err != nil {
			return fmt.Errorf("spec.discover.%s: %q is no pattern", field, pattern)
		}
	}
	return nil
}
