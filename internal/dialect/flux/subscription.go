package flux

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// subscription is what is remembered of a GitRepository between two reconciles.
type subscription struct {
	mu sync.Mutex
	// uid and generation are those of the GitRepository that the store follows;
	// secret is the resourceVersion of the Secret in it, "" for nothing.
	uid        types.UID
	generation int64
	secret     string
	// problem says why the store has nothing, or nothing new.
	problem error
	// told is what the Kustomizations were told last: "usable" or the problem.
	told string
	// denied is the look at the repository that made us read the Secret again.
	denied time.Time
	// asked is the newest requestedAt token that was handed to the store.
	asked string
	// written is what our last write made of the object.
	written *unstructured.Unstructured
}

// subscribe gives the store what the GitRepository asks for, if that or its
// Secret is another than before. The Secret is read when the GitRepository
// changes, when the repository denies access, and when force is set. The error
// is one of the API server; what is wrong with the Secret is sub.problem.
func (r *repositories) subscribe(ctx context.Context, sub *subscription, repo Repository, force bool) error {
	if sub.uid == repo.UID && repo.Generation < sub.generation {
		return nil
	}
	if repo.Invalid != nil {
		sub.uid, sub.generation, sub.secret = repo.UID, repo.Generation, ""
		sub.problem = repo.Invalid
		r.Sources.Remove(repo.Key)
		return nil
	}
	if !force && !r.isDenied(sub, repo) && sub.problem == nil && sub.isOf(repo) {
		return nil
	}
	auth, version, err := r.credentials(ctx, repo)
	if err != nil && !errors.Is(err, model.ErrDenied) {
		return err
	}
	sub.problem = err
	if err != nil || sub.isOf(repo) && sub.secret == version {
		return nil
	}
	sub.uid, sub.generation, sub.secret = repo.UID, repo.Generation, version
	source := repo.Source
	source.Auth = auth
	r.Sources.Set(repo.Key, source)
	return nil
}

// isOf reports whether the store has what the GitRepository asks for.
func (s *subscription) isOf(repo Repository) bool {
	return s.uid == repo.UID && s.generation == repo.Generation && s.secret != ""
}

// isDenied reports whether the store's last look was refused and the Secret has
// not been read since.
func (r *repositories) isDenied(sub *subscription, repo Repository) bool {
	state, _ := r.Sources.State(repo.Key)
	if repo.Secret == "" || !errors.Is(state.Err, model.ErrDenied) || state.Checked.Equal(sub.denied) {
		return false
	}
	sub.denied = state.Checked
	return true
}

// noSecret is the version of the Secret of a GitRepository that names none.
const noSecret = "none"

// credentials reads the Secret, and its resourceVersion. ErrDenied: it is
// missing or lacks a key.
func (r *repositories) credentials(ctx context.Context, repo Repository) (model.Auth, string, error) {
	if repo.Secret == "" {
		return model.Auth{}, noSecret, nil
	}
	name, _ := repositoryName(repo.Key)
	key := types.NamespacedName{Namespace: name.Namespace, Name: repo.Secret}
	var secret corev1.Secret
	switch err := r.Live.Get(ctx, key, &secret); {
	case apierrors.IsNotFound(err):
		return model.Auth{}, "", model.As(model.ErrDenied, fmt.Errorf("Secret %s not found: create it or fix spec.secretRef", key))
	case err != nil:
		return model.Auth{}, "", fmt.Errorf("reading Secret %s: %w", key, err)
	}
	auth, err := AuthOf(repo.Source.URL, secret.Data)
	if err != nil {
		return model.Auth{}, "", model.As(model.ErrDenied, fmt.Errorf("Secret %s can't be used: %w", key, err))
	}
	return auth, secret.ResourceVersion, nil
}
