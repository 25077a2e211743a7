package helm

import (
	"fmt"
	"sync"
	"testing"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// thirty is a chart of 30 objects, written as charts usually are.
func thirty() files {
	f := files{
		"Chart.yaml": "apiVersion: v2\nname: thirty\nversion: 1.0.0\nappVersion: '2'\n",
		"values.yaml": `image: {repository: registry.example.com/app, tag: ""}
resources: {limits: {cpu: 100m, memory: 64Mi}, requests: {cpu: 50m, memory: 32Mi}}
podAnnotations: {prometheus.io/scrape: "true", text: "{{ .Release.Name }}"}
env: {A: "1", B: "2", C: "3", D: "4"}
`,
		"templates/_helpers.tpl": `{{- define "t.name" -}}{{ .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" }}{{- end }}
{{- define "t.labels" -}}
app.kubernetes.io/name: {{ include "t.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}
`,
	}
	for i := range 10 {
		f[fmt.Sprintf("templates/deployment-%d.yaml", i)] = fmt.Sprintf(`apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}-%d
  labels: {{- include "t.labels" . | nindent 4 }}
spec:
  selector:
    matchLabels: {{- include "t.labels" . | nindent 6 }}
  template:
    metadata:
      annotations: {{- tpl (toYaml .Values.podAnnotations) . | nindent 8 }}
      labels: {{- include "t.labels" . | nindent 8 }}
    spec:
      containers:
      - name: app
        image: "{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}"
        env:
        {{- range $k, $v := .Values.env }}
        - name: {{ $k }}
          value: {{ $v | quote }}
        {{- end }}
        resources: {{- toYaml .Values.resources | nindent 10 }}
`, i)
		f[fmt.Sprintf("templates/service-%d.yaml", i)] = fmt.Sprintf(`apiVersion: v1
kind: Service
metadata:
  name: {{ .Release.Name }}-%d
  labels: {{- include "t.labels" . | nindent 4 }}
spec:
  selector: {{- include "t.labels" . | nindent 4 }}
  ports: [{port: 80, targetPort: 8080}]
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}-%d
  labels: {{- include "t.labels" . | nindent 4 }}
data: {{- toYaml .Values.env | nindent 2 }}
`, i, i)
	}
	return f
}

// BenchmarkRender renders a chart of 30 objects that was parsed before, with
// values of its own each time.
func BenchmarkRender(b *testing.B) {
	t := newTree(thirty())
	for n := 0; b.Loop(); n++ {
		set := model.Helm{Release: "web", Parameters: []model.HelmParameter{{Name: "env.N", Value: fmt.Sprint(n)}}}
		if objects, err := renderTree(t, set); err != nil || len(objects) != 30 {
			b.Fatal(len(objects), err)
		}
	}
}

// BenchmarkRenderNew renders a chart that is not known.
func BenchmarkRenderNew(b *testing.B) {
	f := thirty()
	for n := 0; b.Loop(); n++ {
		t := newTree(f.with(files{"values.yaml": f["values.yaml"] + fmt.Sprintf("n: %d\n", n)}))
		if objects, err := renderTree(t, model.Helm{Release: "web"}); err != nil || len(objects) != 30 {
			b.Fatal(len(objects), err)
		}
	}
}

// Charts are shared between renders at the same time, and none sees what
// another's templates change.
func TestRendersAtOnce(t *testing.T) {
	f := minimal.with(files{
		"Chart.yaml":        minimal["Chart.yaml"] + "dependencies: [{name: s, version: '*', alias: t, condition: t.enabled}]\n",
		"values.yaml":       "a: {}\nt: {enabled: true}\n",
		"templates/cm.yaml": `{{ $_ := set .Values.a "n" .Release.Name }}` + configMap("{{ .Values | toJson | quote }}"),
	}).with(minimal.with(files{"Chart.yaml": "name: s\nversion: 1.0.0\n", "values.yaml": "x: {}\n"}).in("charts/s"))
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			for n := range 5 {
				name := fmt.Sprintf("r%d-%d", i, n)
				objects, err := renderTree(newTree(f), model.Helm{Release: name})
				if err != nil || len(objects) != 2 {
					t.Errorf("%d objects, %v", len(objects), err)
					return
				}
				want := `{"a":{"n":"` + name + `"},"t":{"enabled":true,"global":{},"x":{}}}`
				if got := (outcome{objects: objects[1:]}).printed(t); got != want {
					t.Errorf("got %s, want %s", got, want)
				}
			}
		})
	}
	group.Wait()
}

func TestCacheIsBounded(t *testing.T) {
	c := newCache(100)
	l := func(size int) *loaded { return &loaded{size: size} }
	key := func(n byte) model.Digest { return model.Digest{n} }
	c.put(key(1), l(26))
	if c.get(key(1)) != nil {
		t.Error("a chart that alone is more than a quarter was kept")
	}
	for n := range byte(6) {
		c.put(key(n), l(20))
		c.get(key(0))
	}
	for n, want := range []bool{true, false, true, true, true, true} {
		if got := c.get(key(byte(n))) != nil; got != want {
			t.Errorf("chart %d kept: %t, want %t", n, got, want)
		}
	}
	if c.size != 100 || c.used.Len() != 5 || len(c.known) != 5 {
		t.Errorf("%d bytes in %d charts", c.size, c.used.Len())
	}
}
