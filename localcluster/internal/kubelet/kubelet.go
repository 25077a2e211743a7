// Package kubelet stands in for the kubelets of a cluster: it registers nodes
// and keeps them ready, and it writes the status that pods would have if their
// containers ran. It runs no container. What a pod's containers seem to do is
// steered by the pod's annotations; see Script.
//
// It keeps nothing on disk. A pod's course follows from its start time in its
// status, so it goes on after a restart.
package kubelet

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	listers "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/klog/v2"
)

// nodeAddress is where the API server reaches every node.
const nodeAddress = "127.0.0.1"

// workers is how many pods are served at the same time.
const workers = 8

// Kubelet stands in for the kubelets of a cluster. All fields are required.
type Kubelet struct {
	Client  kubernetes.Interface
	Nodes   int         // how many nodes to register
	TLS     *tls.Config // for the server of logs
	Version string      // the kubelet version that nodes report

	pods  listers.PodLister
	queue workqueue.TypedRateLimitingInterface[string]
	book  *book
	port  int32 // of the server of logs
}

// Run registers the nodes and serves pods until ctx is done.
func (k *Kubelet) Run(ctx context.Context) error {
	listener, err := net.Listen("tcp4", net.JoinHostPort(nodeAddress, "0"))
	if err != nil {
		return fmt.Errorf("opening the port for logs: %w", err)
	}
	k.port = int32(listener.Addr().(*net.TCPAddr).Port)
	k.book = newBook()
	k.queue = workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[string]())
	if err := k.dropNodes(ctx); err != nil {
		return err
	}
	synced := k.watch(ctx)

	var group sync.WaitGroup
	defer group.Wait()
	group.Go(func() { serveLogs(ctx, tls.NewListener(listener, k.TLS), k.pods) })
	for i := range k.Nodes {
		group.Go(func() { k.keepNode(ctx, nodeName(i)) })
	}
	if !cache.WaitForCacheSync(ctx.Done(), synced) {
		return ctx.Err()
	}
	if err := k.book.load(k.pods); err != nil {
		return err
	}
	for range workers {
		group.Go(func() { k.work(ctx) })
	}
	<-ctx.Done()
	k.queue.ShutDown()
	return nil
}

// watch feeds the queue with the pods that have a node.
func (k *Kubelet) watch(ctx context.Context) cache.InformerSynced {
	factory := informers.NewSharedInformerFactory(k.Client, 0)
	pods := factory.Core().V1().Pods()
	k.pods = pods.Lister()
	registration, err := pods.Informer().AddEventHandler(cache.FilteringResourceEventHandler{
		FilterFunc: func(object any) bool {
			pod, ok := object.(*corev1.Pod)
			return !ok || isOurs(pod)
		},
		Handler: cache.ResourceEventHandlerFuncs{
			AddFunc:    k.enqueue,
			UpdateFunc: func(_, object any) { k.enqueue(object) },
			DeleteFunc: k.enqueue,
		},
	})
	if err != nil {
		panic(err) // the informer has not been started, so it takes handlers
	}
	factory.Start(ctx.Done())
	return registration.HasSynced
}

func (k *Kubelet) enqueue(object any) {
	if key, err := cache.DeletionHandlingMetaNamespaceKeyFunc(object); err == nil {
		k.queue.Add(key)
	}
}

func (k *Kubelet) work(ctx context.Context) {
	for {
		key, shutdown := k.queue.Get()
		if shutdown {
			return
		}
		next, err := k.serve(ctx, key)
		switch {
		case err != nil:
			klog.V(2).InfoS("Stand-in kubelet retries", "pod", key, "err", err)
			k.queue.AddRateLimited(key)
		case next > 0:
			k.queue.Forget(key)
			k.queue.AddAfter(key, next)
		default:
			k.queue.Forget(key)
		}
		k.queue.Done(key)
	}
}

// serve brings one pod's status up to date and returns when to look again, 0
// for when the pod changes.
func (k *Kubelet) serve(ctx context.Context, key string) (time.Duration, error) {
	namespace, name, err := cache.SplitMetaNamespaceKey(key)
	if err != nil {
		return 0, err
	}
	pod, err := k.pods.Pods(namespace).Get(name)
	if err != nil {
		k.book.forget(key)
		return 0, nil
	}
	if pod.DeletionTimestamp != nil {
		return 0, k.finish(ctx, pod)
	}
	return k.progress(ctx, key, pod)
}
