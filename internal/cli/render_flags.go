package cli

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// renderFlags say how a directory is rendered.
type renderFlags struct {
	WorkbenchFlags
	root  string
	files []string

	spec                     model.Render
	values, set, setStr      []string
	setFile                  []string
	extStr, extCode          []string
	tlaStr, tlaCode          []string
	substitute, environment  []string
	keys                     []string
	pluginEnv, pluginStrings []string
}

var renderTools = []string{model.ToolDirectory, model.ToolKustomize, model.ToolHelm, model.ToolCUE, model.ToolPlugin}

func (r *renderFlags) bind(cmd *cobra.Command) {
	r.WorkbenchFlags.bind(cmd)
	f, s := cmd.Flags(), &r.spec
	f.StringVarP(&s.Helm.Namespace, "namespace", "n", "default", "Helm: namespace of the release")
	r.bindSettings(cmd)
}

// bindSettings adds the flags but those that other commands have, too.
func (r *renderFlags) bindSettings(cmd *cobra.Command) {
	f, s := cmd.Flags(), &r.spec
	f.StringSliceVarP(&r.files, "file", "f", nil, "render what the manifests of this file or directory declare; - is standard input; repeatable")
	f.StringVar(&r.root, "root", "", "directory that files may be used from (default: the Git work tree, else the current directory)")
	f.Var(&choice{&s.Tool, renderTools}, "tool", strings.Join(renderTools, ", ")+" (default: by what the directory holds)")
	f.StringArrayVar(&r.environment, "env", nil, "variable of the build environment, as NAME=VALUE; repeatable")

	f.BoolVar(&s.Directory.Recurse, "recurse", false, "directory: read subdirectories too")
	f.StringVar(&s.Directory.Include, "include", "", "directory: glob of the files to read")
	f.StringVar(&s.Directory.Exclude, "exclude", "", "directory: glob of files to leave out")
	f.StringArrayVar(&r.extStr, "ext-str", nil, "Jsonnet: external variable, as NAME=TEXT")
	f.StringArrayVar(&r.extCode, "ext-code", nil, "Jsonnet: external variable, as NAME=EXPRESSION")
	f.StringArrayVar(&r.tlaStr, "tla-str", nil, "Jsonnet: top-level argument, as NAME=TEXT")
	f.StringArrayVar(&r.tlaCode, "tla-code", nil, "Jsonnet: top-level argument, as NAME=EXPRESSION")
	f.StringArrayVar(&s.Directory.Jsonnet.Libs, "jpath", nil, "Jsonnet: directory of the source to look for imports in")

	f.BoolVar(&s.Kustomize.Generate, "flux", false, "Kustomize: without a kustomization file take all manifests below, as Flux does")
	f.BoolVar(&s.Kustomize.EnableHelm, "enable-helm", false, "Kustomize: inflate helmCharts")
	f.BoolVar(&s.Kustomize.Unrestricted, "unrestricted", false, "Kustomize: files may lie outside of their kustomization's directory")

	f.StringVar(&s.Helm.Release, "release", "release-name", "Helm: name of the release")
	f.StringArrayVar(&r.values, "values", nil, "Helm: value file, named from the current directory, or its URL; repeatable, the later over the earlier")
	f.StringArrayVar(&r.set, "set", nil, "Helm: value, as NAME=VALUE")
	f.StringArrayVar(&r.setStr, "set-string", nil, "Helm: value that is a string, as NAME=VALUE")
	f.StringArrayVar(&r.setFile, "set-file", nil, "Helm: value from a file, as NAME=FILE")
	f.BoolVar(&s.Helm.SkipCRDs, "skip-crds", false, "Helm: leave out the chart's CRDs")
	f.BoolVar(&s.Helm.SkipTests, "skip-tests", false, "Helm: leave out the chart's tests")
	f.BoolVar(&s.Helm.SkipHooks, "no-hooks", false, "Helm: leave out all hooks")
	f.BoolVar(&s.Helm.SkipSchemaValidation, "skip-schema-validation", false, "Helm: don't check the values by the chart's schema")

	f.StringVar(&s.CUE.Expression, "expression", "", "CUE: what holds the objects (default: the whole package)")
	f.StringArrayVar(&s.CUE.Tags, "inject", nil, "CUE: value of a tag, as NAME=VALUE")
	f.StringVar(&s.Plugin.Name, "plugin", "", "plugin: its name (default: the first that knows the directory)")
	f.StringArrayVar(&r.pluginEnv, "plugin-env", nil, "plugin: variable, as NAME=VALUE")
	f.StringArrayVar(&r.pluginStrings, "plugin-parameter", nil, "plugin: string parameter, as NAME=VALUE")

	f.StringArrayVar(&r.substitute, "substitute", nil, "replace ${NAME} in the objects as Flux's postBuild, as NAME=VALUE")
	f.StringArrayVar(&r.keys, "decryption-key", nil, "file with an age (*.agekey) or PGP (*.asc) key for what SOPS has encrypted")
	complete(cmd, "tool", renderTools...)
	_ = cmd.MarkFlagDirname("root")
}

// open makes the workbench.
func (r *renderFlags) open(deps Deps) (Workbench, error) { return deps.Workbench(r.WorkbenchFlags) }

// settings are those of the flags, for a directory.
func (r *renderFlags) settings(at place) (model.Render, error) {
	s := r.spec
	s.Path = at.path
	for _, do := range []func(*model.Render, place) error{r.helm, r.jsonnet, r.plugin, r.post} {
		if err := do(&s, at); err != nil {
			return s, err
		}
	}
	return s, nil
}

func (r *renderFlags) helm(s *model.Render, at place) error {
	s.Helm.ValueFiles = nil
	for _, name := range r.values {
		file := name
		if !strings.Contains(name, "://") {
			var err error
			if file, err = at.existing("values", name); err != nil {
				return err
			}
		}
		s.Helm.ValueFiles = append(s.Helm.ValueFiles, file)
	}
	for text, isString := range flagTexts(r.set, r.setStr) {
		name, value, err := pair("set", text)
		if err != nil {
			return err
		}
		s.Helm.Parameters = append(s.Helm.Parameters, model.HelmParameter{Name: name, Value: value, ForceString: isString})
	}
	for _, text := range r.setFile {
		name, file, err := pair("set-file", text)
		if err != nil {
			return err
		}
		if file, err = at.existing("set-file", file); err != nil {
			return err
		}
		s.Helm.FileParameters = append(s.Helm.FileParameters, model.NameValue{Name: name, Value: file})
	}
	return nil
}

// flagTexts are the texts of two flags, and whether one is of the second.
func flagTexts(first, second []string) func(yield func(string, bool) bool) {
	return func(yield func(string, bool) bool) {
		for i, text := range append(append([]string(nil), first...), second...) {
			if !yield(text, i >= len(first)) {
				return
			}
		}
	}
}

func pair(flag, text string) (name, value string, err error) {
	name, value, ok := strings.Cut(text, "=")
	if !ok || name == "" {
		return "", "", &codedError{exitUsage, fmt.Errorf("--%s %q has to be NAME=VALUE", flag, text)}
	}
	return name, value, nil
}

func (r *renderFlags) jsonnet(s *model.Render, _ place) error {
	for _, kind := range []struct {
		flags      map[bool]string // by whether it is code
		text, code []string
		to         *[]model.JsonnetVar
	}{
		{map[bool]string{false: "ext-str", true: "ext-code"}, r.extStr, r.extCode, &s.Directory.Jsonnet.ExtVars},
		{map[bool]string{false: "tla-str", true: "tla-code"}, r.tlaStr, r.tlaCode, &s.Directory.Jsonnet.TLAs},
	} {
		for text, isCode := range flagTexts(kind.text, kind.code) {
			name, value, err := pair(kind.flags[isCode], text)
			if err != nil {
				return err
			}
			*kind.to = append(*kind.to, model.JsonnetVar{Name: name, Value: value, Code: isCode})
		}
	}
	return nil
}

func (r *renderFlags) plugin(s *model.Render, _ place) error {
	if s.Plugin.Name != "" && s.Tool == "" {
		s.Tool = model.ToolPlugin
	}
	if s.Tool == model.ToolPlugin && r.Plugins == "" {
		return &codedError{exitUsage, errors.New("no plugins are known: name their folder with --plugins DIR")}
	}
	for _, text := range r.pluginEnv {
		name, value, err := pair("plugin-env", text)
		if err != nil {
			return err
		}
		s.Plugin.Env = append(s.Plugin.Env, model.NameValue{Name: name, Value: value})
	}
	for _, text := range r.pluginStrings {
		name, value, err := pair("plugin-parameter", text)
		if err != nil {
			return err
		}
		s.Plugin.Parameters = append(s.Plugin.Parameters, model.PluginParameter{Name: name, String: &value})
	}
	return nil
}

// post are the settings for what comes after the tool.
func (r *renderFlags) post(s *model.Render, _ place) error {
	for _, text := range r.environment {
		name, value, err := pair("env", text)
		if err != nil {
			return err
		}
		if s.Env == nil {
			s.Env = map[string]string{}
		}
		s.Env[name] = value
	}
	for _, text := range r.substitute {
		name, value, err := pair("substitute", text)
		if err != nil {
			return err
		}
		if s.Substitute == nil {
			s.Substitute = &model.Substitute{Vars: map[string]model.Hidden{}, Strict: true, Disabled: "kustomize.toolkit.fluxcd.io/substitute"}
		}
		s.Substitute.Vars[name] = model.Hidden(value)
	}
	for _, name := range r.keys {
		data, err := os.ReadFile(name)
		if err != nil {
			return fmt.Errorf("reading the key: %w: correct --decryption-key", err)
		}
		if s.Decrypt == nil {
			s.Decrypt = &model.Decrypt{Keys: map[string]model.Hidden{}, Disabled: "kustomize.toolkit.fluxcd.io/decrypt"}
		}
		base := filepath.Base(name)
		if bytes.Contains(data, []byte("AGE-SECRET-KEY-")) && filepath.Ext(base) != ".agekey" {
			base += ".agekey" // as age-keygen's keys.txt
		}
		s.Decrypt.Keys[base] = data
	}
	return nil
}
