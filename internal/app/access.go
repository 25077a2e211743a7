package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/bcrypt"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/util/retry"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	toolscache "k8s.io/client-go/tools/cache"

	"github.com/fixpoint-cd/fixpoint/internal/access"
	"github.com/fixpoint-cd/fixpoint/internal/dialect/argo"
	"github.com/fixpoint-cd/fixpoint/internal/signin"
)

// Where Argo CD keeps accounts and rights.
const (
	secretAccounts  = "argocd-secret"
	secretInitial   = "argocd-initial-admin-secret"
	configMain      = "argocd-cm"
	configRights    = "argocd-rbac-cm"
	passwordInitial = "password"
)

// accessKeeper keeps who may sign in and who may do what as Argo CD's settings say.
type accessKeeper struct {
	enforcer *access.Enforcer
	service  *signin.Service

	mgr       ctrl.Manager
	extras    *extras
	namespace string
	log       *slog.Logger
	wake      chan struct{}
	address   atomic.Pointer[string]
	names     atomic.Pointer[[]string]
	// badges: argocd-cm lets everybody know how an app is, who knows its name.
	badges atomic.Bool
	// inForce is what was read last, and tell is called when that has become another.
	inForce declaredAccess
	tell    func()

	// isRead is closed once the settings were read.
	isRead chan struct{}
	first  sync.Once
}

// declaredAccess is all that decides who may sign in and who may do what.
type declaredAccess struct {
	main, rights map[string]string
	secret       map[string][]byte
	projects     []access.Project
	tokens       []signin.ProjectToken
}

// newAccess makes it; tell must not block.
func (c *controller) newAccess(mgr ctrl.Manager, extras *extras, tell func()) *accessKeeper {
	a := &accessKeeper{
		enforcer: &access.Enforcer{}, mgr: mgr, extras: extras, namespace: c.opt.ArgoNamespace, log: c.log, wake: make(chan struct{}, 1), tell: tell,
		isRead: make(chan struct{}),
	}
	a.service = signin.New(signin.Config{Revocations: c.history, Store: a, Log: c.log})
	return a
}

// url is the installation's address for people; "" if argocd-cm doesn't say.
func (a *accessKeeper) url() string {
	if u := a.address.Load(); u != nil {
		return *u
	}
	return ""
}

// hosts are those of all addresses of the installation that argocd-cm says.
func (a *accessKeeper) hosts() []string {
	if names := a.names.Load(); names != nil {
		return *names
	}
	return nil
}

// hostsOf are the hosts of addresses.
func hostsOf(addresses ...string) *[]string {
	var names []string
	for _, address := range addresses {
		if u, err := url.Parse(address); err == nil && u.Host != "" {
			names = append(names, u.Host)
		}
	}
	return &names
}

// ready waits until the settings were read.
func (a *accessKeeper) ready(ctx context.Context) error {
	select {
	case <-a.isRead:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// changed has the settings read anew. It never blocks.
func (a *accessKeeper) changed() {
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// Run keeps the settings until ctx ends. Nobody is let in before they were read.
func (a *accessKeeper) Run(ctx context.Context) error {
	tell := func(any) { a.changed() }
	for _, kind := range []client.Object{&corev1.Secret{}, &corev1.ConfigMap{}} {
		informer, err := a.mgr.GetCache().GetInformer(ctx, kind)
		if err != nil {
			return stopped(ctx, fmt.Errorf("watching Argo CD's settings: %w", err))
		}
		_, err = informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
			AddFunc: tell, DeleteFunc: tell, UpdateFunc: func(_, now any) { tell(now) },
		})
		if err != nil {
			return fmt.Errorf("watching Argo CD's settings: %w", err)
		}
	}
	if !a.mgr.GetCache().WaitForCacheSync(ctx) {
		return nil
	}
	a.awaitProjects(ctx)
	for {
		pause := time.Duration(0)
		if err := a.read(ctx); err != nil {
			a.log.Error("reading who may sign in", "err", err)
			pause = 10 * time.Second
		}
		if err := a.await(ctx, pause); err != nil {
			return nil
		}
	}
}

// awaitProjects has roles of projects hold, and their tokens count, from the start.
// Where projects can't be listed, all others are let in nevertheless.
func (a *accessKeeper) awaitProjects(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	a.extras.await(ctx)
}

// await waits for a change, or for the pause if there is one.
func (a *accessKeeper) await(ctx context.Context, pause time.Duration) error {
	var again <-chan time.Time
	if pause > 0 {
		again = time.After(pause)
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-a.wake:
	case <-again:
	}
	return nil
}

// stopped is no error where the program ends.
func stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// read reads the settings and puts them in force.
func (a *accessKeeper) read(ctx context.Context) error {
	return a.service.Reload(func() error { return a.readAlone(ctx) })
}

// readAlone is read while nobody changes a password or a token.
func (a *accessKeeper) readAlone(ctx context.Context) error {
	secret, err := a.secret(ctx)
	if err != nil {
		return err
	}
	main, rights := &corev1.ConfigMap{}, &corev1.ConfigMap{}
	for name, into := range map[string]*corev1.ConfigMap{configMain: main, configRights: rights} {
		if err := a.mgr.GetClient().Get(ctx, a.key(name), into); err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("reading ConfigMap %s/%s: %w", a.namespace, name, err)
		}
	}
	projects, tokens := a.projects()
	a.use(ctx, declaredAccess{main: main.Data, rights: rights.Data, secret: secret, projects: projects, tokens: tokens})
	return nil
}

// use puts settings in force, and tells of it where they are others than before.
func (a *accessKeeper) use(ctx context.Context, d declaredAccess) {
	who, problems := signin.Read(d.main, d.secret, d.rights["scopes"], d.tokens, func(name, key string) (string, bool) { return a.lookup(ctx, name, key) })
	may, more := access.Read(d.rights, d.projects)
	problems = append(problems, more...)
	problems = append(problems, a.enforcer.Use(may.With(d.main))...)
	a.service.Use(who)
	a.address.Store(&who.URL)
	a.names.Store(hostsOf(slices.Concat(who.MoreURLs, []string{who.URL})...))
	a.badges.Store(d.main["statusbadge.enabled"] == "true")
	a.first.Do(func() { close(a.isRead) })
	if reflect.DeepEqual(a.inForce, d) {
		return
	}
	a.inForce = d
	for _, p := range problems {
		a.log.Warn("a setting of accounts or rights is not usable", "err", p)
	}
	a.tell()
}

func (a *accessKeeper) key(name string) client.ObjectKey {
	return client.ObjectKey{Namespace: a.namespace, Name: name}
}

// secret is what argocd-secret holds. At the first start of all it is made, with a
// password for admin that argocd-initial-admin-secret tells.
func (a *accessKeeper) secret(ctx context.Context) (map[string][]byte, error) {
	secret := &corev1.Secret{}
	if err := a.mgr.GetAPIReader().Get(ctx, a.key(secretAccounts), secret); err != nil && !apierrors.IsNotFound(err) {
		return nil, fmt.Errorf("reading Secret %s/%s: %w", a.namespace, secretAccounts, err)
	}
	added, password, err := signin.Bootstrap(secret.Data, time.Now())
	if err != nil || len(added) == 0 {
		return secret.Data, err
	}
	if password != "" { // before it counts, so that it is never lost
		told, err := a.tellPassword(ctx, password)
		if err != nil {
			return nil, err
		}
		if told != password { // another replica's, or one that was lost before it counted
			if added["admin.password"], err = bcrypt.GenerateFromPassword([]byte(told), bcrypt.DefaultCost); err != nil {
				return nil, fmt.Errorf("taking over the password of Secret %s/%s: %w", a.namespace, secretInitial, err)
			}
		}
	}
	var data map[string][]byte
	err = a.Update(ctx, func(have map[string][]byte) error {
		for k, v := range added {
			if len(have[k]) == 0 {
				have[k] = v
			}
		}
		data = have
		return nil
	})
	return data, err
}

// tellPassword writes the first password of admin where Argo CD's users look for it, and
// returns the one that is there then: that of who was first.
func (a *accessKeeper) tellPassword(ctx context.Context, password string) (string, error) {
	initial := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: a.namespace, Name: secretInitial},
		Data:       map[string][]byte{passwordInitial: []byte(password)},
	}
	err := a.mgr.GetClient().Create(ctx, initial)
	if apierrors.IsAlreadyExists(err) {
		initial = &corev1.Secret{}
		err = a.mgr.GetAPIReader().Get(ctx, a.key(secretInitial), initial)
	}
	if err != nil {
		return "", fmt.Errorf("writing Secret %s/%s: %w", a.namespace, secretInitial, err)
	}
	told := string(initial.Data[passwordInitial])
	if told == "" {
		return "", fmt.Errorf("Secret %s/%s has no %s: delete it, and it is made anew", a.namespace, secretInitial, passwordInitial)
	}
	a.log.Info("the account admin has a password now", "secret", a.namespace+"/"+secretInitial)
	return told, nil
}

// Update changes argocd-secret, or makes it; what was not changed is not written.
func (a *accessKeeper) Update(ctx context.Context, change func(map[string][]byte) error) error {
	return retry.OnError(retry.DefaultRetry, func(err error) bool { return apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) }, func() error {
		secret := &corev1.Secret{}
		err := a.mgr.GetAPIReader().Get(ctx, a.key(secretAccounts), secret)
		missing := apierrors.IsNotFound(err)
		if err != nil && !missing {
			return fmt.Errorf("reading Secret %s/%s: %w", a.namespace, secretAccounts, err)
		}
		before := secret.DeepCopy()
		if secret.Data == nil {
			secret.Data = map[string][]byte{}
		}
		if err := change(secret.Data); err != nil {
			return err
		}
		switch {
		case missing:
			secret.Namespace, secret.Name = a.namespace, secretAccounts
			secret.Labels = map[string]string{argo.LabelPartOf: argo.PartOf, "app.kubernetes.io/name": secretAccounts}
			return a.mgr.GetClient().Create(ctx, secret)
		case sameData(before.Data, secret.Data):
			return nil
		}
		return a.mgr.GetClient().Update(ctx, secret)
	})
}

func sameData(a, b map[string][]byte) bool {
	if len(a) != len(b) {
		return false
	}
	for k, v := range a {
		if w, ok := b[k]; !ok || string(w) != string(v) {
			return false
		}
	}
	return true
}

// lookup is a value of a Secret that settings refer to. As in Argo CD only Secrets
// that are labelled as parts of it count.
func (a *accessKeeper) lookup(ctx context.Context, name, key string) (string, bool) {
	secret := &corev1.Secret{}
	if err := a.mgr.GetAPIReader().Get(ctx, a.key(name), secret); err != nil {
		if !apierrors.IsNotFound(err) && !errors.Is(err, context.Canceled) {
			a.log.Error("reading a Secret that argocd-cm refers to", "secret", name, "err", err)
		}
		return "", false
	}
	if name != secretAccounts && secret.Labels[argo.LabelPartOf] != argo.PartOf {
		a.log.Warn("a Secret that argocd-cm refers to is not used: label it app.kubernetes.io/part-of=argocd", "secret", name)
		return "", false
	}
	value, ok := secret.Data[key]
	return string(value), ok
}

// projects are the roles of AppProjects, and the tokens that they list.
func (a *accessKeeper) projects() ([]access.Project, []signin.ProjectToken) {
	var out []access.Project
	var tokens []signin.ProjectToken
	found := a.extras.List("AppProject")
	slices.SortFunc(found, func(a, b *unstructured.Unstructured) int { return strings.Compare(a.GetName(), b.GetName()) })
	for _, obj := range found {
		p := access.Project{Name: obj.GetName()}
		roles, _, _ := unstructured.NestedSlice(obj.Object, "spec", "roles")
		for _, raw := range roles {
			role, _ := raw.(map[string]any)
			name, _, _ := unstructured.NestedString(role, "name")
			policies, _, _ := unstructured.NestedStringSlice(role, "policies")
			groups, _, _ := unstructured.NestedStringSlice(role, "groups")
			p.Roles = append(p.Roles, access.ProjectRole{Name: name, Policies: policies, Groups: groups})
			tokens = append(tokens, tokensOf(obj, name, role)...)
		}
		out = append(out, p)
	}
	return out, tokens
}

func tokensOf(project *unstructured.Unstructured, name string, role map[string]any) []signin.ProjectToken {
	var out []signin.ProjectToken
	for _, t := range argo.ProjectTokens(project.Object, role) {
		out = append(out, signin.ProjectToken{Project: project.GetName(), Role: name, Token: signin.Token(t)})
	}
	return out
}
