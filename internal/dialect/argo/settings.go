package argo

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// The Secrets and ConfigMaps by which Argo CD is configured.
const (
	// LabelSecretType is on every Secret that declares something.
	LabelSecretType = "argocd.argoproj.io/secret-type"
	// LabelPartOf is, with the value PartOf, on every ConfigMap that is read.
	LabelPartOf = "app.kubernetes.io/part-of"
	PartOf      = "argocd"

	secretMain       = "argocd-secret"
	configMain       = "argocd-cm"
	configParams     = "argocd-cmd-params-cm"
	configKnownHosts = "argocd-ssh-known-hosts-cm"
	configCerts      = "argocd-tls-certs-cm"
)

// DefaultInterval is the pause between two looks at a repository where
// timeout.reconciliation of argocd-cm says nothing else.
const DefaultInterval = 120 * time.Second

// never is the interval of an installation that has switched polling off.
const never = 365 * 24 * time.Hour

// Settings are what the Secrets and ConfigMaps of Argo CD say. They are read
// once and never change. They hold credentials: never print them.
type Settings struct {
	polling       time.Duration // 0 is DefaultInterval
	repositories  []repository
	templates     []repository
	clusters      []Cluster
	knownHosts    string
	certs         map[string]string       // host name to PEM
	off           []string                // tools that are not used
	kustomize     map[string]buildOptions // by version; "" is any
	valueSchemes  []string                // of value files by URL; none is the default
	noSubmodules  bool
	webhooks      Webhooks
	marks         marks
	managed       managed
	customized    customizations
	ignored       []model.IgnoredFields        // of every app
	knownTypes    map[string]map[string]string // see model.Comparison
	hardRefresh   time.Duration                // 0 is never
	syncTimeout   time.Duration                // 0 is none
	persistHealth bool                         // of each object, in status
	impersonates  bool
	noInCluster   bool
	objects       model.Digest // of what App.Settings is about
	scripts       model.Digest // of the checks of health; zero for none
	digest        model.Digest // of all that was read
}

// ReadSettings reads Secrets and ConfigMaps of the control-plane namespace, in
// any order. The problems say what could not be read, without secret values;
// everything else is in the settings.
func ReadSettings(secrets []corev1.Secret, configs []corev1.ConfigMap) (*Settings, []error) {
	s := &Settings{}
	var found problems
	var parts [][]byte
	slices.SortFunc(configs, func(a, b corev1.ConfigMap) int { return cmp.Compare(a.Name, b.Name) })
	for _, c := range configs {
		found.add(s.readConfig(c))
		parts = append(parts, []byte(c.Name), mustJSON(c.Data))
	}
	slices.SortFunc(secrets, func(a, b corev1.Secret) int { return cmp.Compare(a.Name, b.Name) })
	secrets = slices.DeleteFunc(slices.Clone(secrets), func(s corev1.Secret) bool { return !isSetting(s) })
	for _, secret := range secrets {
		parts = append(parts, []byte(secret.Name+" "+secret.Labels[LabelSecretType]+" "+secret.Annotations[annotationSkip]), mustJSON(secret.Data))
		if secret.Name == secretMain {
			s.webhooks = readWebhooks(secret, secrets, s.webhooks.MaxPayload)
		}
		switch secret.Labels[LabelSecretType] {
		case "repository":
			r, err := readRepository(secret)
			found.add(err)
			s.repositories = append(s.repositories, r...)
		case "repo-creds":
			r, err := readRepository(secret)
			found.add(err)
			s.templates = append(s.templates, r...)
		case "cluster":
			c, err := readCluster(secret)
			found.add(err)
			s.clusters = append(s.clusters, c...)
		}
	}
	s.digest = model.DigestOf(parts...)
	return s, found
}

// isSetting reports whether a Secret of the control-plane namespace can be one of
// Argo CD's settings, or hold what another refers to.
func isSetting(s corev1.Secret) bool {
	return s.Labels[LabelSecretType] != "" || s.Labels[LabelPartOf] == PartOf || s.Name == secretMain
}

func (s *Settings) readConfig(c corev1.ConfigMap) error {
	switch c.Name {
	case configKnownHosts:
		s.knownHosts = c.Data["ssh_known_hosts"]
	case configCerts:
		s.certs = c.Data
	case configParams:
		enabled := c.Data["reposerver.enable.git.submodule"]
		s.noSubmodules = enabled != "" && !isTrue(enabled)
		s.persistHealth = isTrue(c.Data[keyPersistHealth])
		return s.readTimeout(c.Data[keySyncTimeout])
	case configMain:
		return s.readMain(c.Data)
	}
	return nil
}

// readTimeout reads how long a sync may take.
func (s *Settings) readTimeout(text string) (err error) {
	if s.syncTimeout, err = durationOf(text, 0); err != nil {
		return fmt.Errorf("ConfigMap %s: %s: %w", configParams, keySyncTimeout, err)
	}
	return nil
}

// readMain reads argocd-cm.
func (s *Settings) readMain(data map[string]string) error {
	var found problems
	add := func(key string, err error) {
		if err != nil {
			found.add(fmt.Errorf("ConfigMap %s: %s: %w", configMain, key, err))
		}
	}
	s.readTimes(data, add)
	s.readTools(data, add)
	s.marks = readMarks(data, add)
	s.managed = readKinds(data, add)
	s.readComparison(data, add)
	s.impersonates = isTrue(data[keyImpersonation])
	s.noInCluster = data["cluster.inClusterEnabled"] == "false"
	var err error
	s.webhooks.MaxPayload, err = maxPayload(data["webhook.maxPayloadSizeMB"])
	add("webhook.maxPayloadSizeMB", err)
	s.objects = digestOfKeys(data, keyTracking, keyLabel, keyInstallation, keyExclusions, keyInclusions)
	s.scripts = s.customized.healthDigest()
	if len(found) == 0 {
		return nil
	}
	return &problemError{found}
}

// Keys of the two ConfigMaps that are not named elsewhere.
const (
	keyPolling       = "timeout.reconciliation"
	keyHardRefresh   = "timeout.hard.reconciliation"
	keySyncTimeout   = "controller.sync.timeout.seconds"
	keyPersistHealth = "controller.resource.health.persist"
	keyImpersonation = "application.sync.impersonation.enabled"
)

// digestOfKeys is of the values of keys.
func digestOfKeys(data map[string]string, keys ...string) model.Digest {
	var parts [][]byte
	for _, k := range keys {
		if v, set := data[k]; set {
			parts = append(parts, []byte(k), []byte(v))
		}
	}
	return model.DigestOf(parts...)
}

func (s *Settings) readTimes(data map[string]string, add func(key string, err error)) {
	var err error
	s.polling, err = durationOf(data[keyPolling], DefaultInterval)
	if add(keyPolling, err); s.polling == 0 {
		s.polling = never
	}
	s.hardRefresh, err = durationOf(data[keyHardRefresh], 0)
	add(keyHardRefresh, err)
}

// readTools reads which tools there are, and how they are called.
func (s *Settings) readTools(data map[string]string, add func(key string, err error)) {
	for _, tool := range []string{model.ToolHelm, model.ToolKustomize, model.ToolJsonnet} {
		if data[tool+".enable"] == "false" {
			s.off = append(s.off, tool)
		}
	}
	s.valueSchemes = slices.AppendSeq(s.valueSchemes, values(data["helm.valuesFileSchemes"]))
	s.kustomize = map[string]buildOptions{}
	for _, key := range slices.Sorted(maps.Keys(data)) {
		version, isOptions := strings.CutPrefix(key, "kustomize.buildOptions")
		if !isOptions {
			continue
		}
		s.kustomize[strings.TrimPrefix(version, ".")] = readBuildOptions(data[key])
		add(key, s.kustomize[strings.TrimPrefix(version, ".")].err())
	}
}

// refused says why no app is worked on with these settings; nil if they are all
// right.
func (s *Settings) refused(projectName string) error {
	if !s.impersonates {
		return nil
	}
	return fmt.Errorf("%s of ConfigMap %s is not supported yet: the app would be applied with other rights than those of the service account of project %q",
		keyImpersonation, configMain, project(projectName))
}

// isOff reports whether a tool is not used in this installation.
func (s *Settings) isOff(tool string) bool { return slices.Contains(s.off, tool) }

func (s *Settings) interval() time.Duration {
	return cmp.Or(s.polling, DefaultInterval)
}
