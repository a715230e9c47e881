// Convolution by oneDNN for XLA's foreign function interface: forward, and the
// gradients of input and kernel. onednn.py builds and calls it.
//
// x is [B, H, W, C], the kernel [k, k, C, F], y [B, H', W', F], all float32;
// stride 1, `pad` pixels on each side. Each call uses one thread, as each core
// is a device of its own.

#include <omp.h>

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "oneapi/dnnl/dnnl.hpp"
#include "xla/ffi/api/ffi.h"

namespace ffi = xla::ffi;
using dnnl::memory;
using Array = ffi::Buffer<ffi::F32>;
using Result = ffi::Result<ffi::Buffer<ffi::F32>>;

namespace {

enum Operation { kForward, kInputGrad, kKernelGrad };

struct Shape {
  int64_t batch, height, width, channels, features, size, pad;
  int64_t out(int64_t n) const { return n + 2 * pad - size + 1; }
};

const dnnl::engine& Engine() {
  static const auto* engine = new dnnl::engine(dnnl::engine::kind::cpu, 0);
  return *engine;
}

dnnl::stream& Stream() {
  thread_local dnnl::stream stream(Engine());
  return stream;
}

memory::desc Desc(memory::dims dims, memory::format_tag tag) {
  return {dims, memory::data_type::f32, tag};
}

// One operation at one shape. The kernel is reordered into the layout that
// oneDNN prefers; x and y stay as they are.
class Plan {
 public:
  Plan(Operation operation, const Shape& s) : operation_(operation) {
    using tag = memory::format_tag;
    const auto x = Desc({s.batch, s.channels, s.height, s.width}, tag::nhwc);
    const memory::dims kernel{s.features, s.channels, s.size, s.size};
    const auto y = Desc(
        {s.batch, s.features, s.out(s.height), s.out(s.width)}, tag::nhwc);
    const auto any = Desc(kernel, tag::any), plain = Desc(kernel, tag::hwio);
    const memory::dims ones{1, 1}, pads{s.pad, s.pad};
    const auto algorithm = dnnl::algorithm::convolution_direct;
    dnnl::primitive_attr attr;
    attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    const auto training = dnnl::prop_kind::forward_training;
    const dnnl::convolution_forward::primitive_desc forward(
        Engine(), training, algorithm, x, any, y, ones, pads, pads, attr);
    if (operation == kForward) {
      Set(forward, dnnl::convolution_forward(forward), forward.weights_desc());
    } else if (operation == kInputGrad) {
      const dnnl::convolution_backward_data::primitive_desc pd(
          Engine(), algorithm, x, any, y, ones, pads, pads, forward, attr);
      Set(pd, dnnl::convolution_backward_data(pd), pd.weights_desc());
    } else {
      const dnnl::convolution_backward_weights::primitive_desc pd(
          Engine(), algorithm, x, any, y, ones, pads, pads, forward, attr);
      Set(pd, dnnl::convolution_backward_weights(pd), pd.diff_weights_desc());
    }
    x_ = memory(x, Engine(), nullptr);
    y_ = memory(y, Engine(), nullptr);
    plain_ = memory(plain, Engine(), nullptr);
    if (kernel_.get_desc() != plain) {
      reorder_ = operation == kKernelGrad ? dnnl::reorder(kernel_, plain_)
                                          : dnnl::reorder(plain_, kernel_);
    }
  }

  void Run(float* x, float* kernel, float* y) {
    x_.set_data_handle(x);
    plain_.set_data_handle(kernel);
    y_.set_data_handle(y);
    const bool reorders = static_cast<bool>(reorder_);
    if (!reorders) kernel_.set_data_handle(kernel);
    if (reorders && operation_ != kKernelGrad) {
      reorder_.execute(Stream(), plain_, kernel_);
    }
    primitive_.execute(Stream(), {{Argument(0), x_},
                                  {Argument(1), kernel_},
                                  {Argument(2), y_},
                                  {DNNL_ARG_SCRATCHPAD, scratchpad_}});
    if (reorders && operation_ == kKernelGrad) {
      reorder_.execute(Stream(), kernel_, plain_);
    }
    Stream().wait();
  }

 private:
  // oneDNN's names for x, kernel and y in each operation.
  int Argument(int i) const {
    static constexpr int names[][3] = {
        {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST},
        {DNNL_ARG_DIFF_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DIFF_DST},
        {DNNL_ARG_SRC, DNNL_ARG_DIFF_WEIGHTS, DNNL_ARG_DIFF_DST}};
    return names[operation_][i];
  }

  template <class PrimitiveDesc>
  void Set(const PrimitiveDesc& pd, dnnl::primitive primitive,
           const memory::desc& kernel) {
    primitive_ = primitive;
    kernel_ = memory(kernel, Engine());
    scratchpad_ = memory(pd.scratchpad_desc(), Engine());
  }

  Operation operation_;
  dnnl::primitive primitive_;
  dnnl::reorder reorder_;
  memory x_, kernel_, plain_, y_, scratchpad_;
};

// Plans belong to a thread: devices call at the same time.
Plan& FindPlan(Operation operation, const Shape& s) {
  using Key = std::array<int64_t, 8>;
  thread_local std::map<Key, std::unique_ptr<Plan>> plans;
  auto& plan = plans[Key{operation, s.batch, s.height, s.width, s.channels,
                         s.features, s.size, s.pad}];
  if (!plan) plan = std::make_unique<Plan>(operation, s);
  return *plan;
}

template <class X, class Kernel, class Y>
ffi::Error Run(Operation operation, X& x, Kernel& kernel, Y& y, int64_t pad) {
  const auto in = x.dimensions(), k = kernel.dimensions();
  const Shape shape{in[0], in[1], in[2], k[2], k[3], k[0], pad};
  omp_set_num_threads(1);  // For calls from this thread only.
  try {
    FindPlan(operation, shape)
        .Run(x.typed_data(), kernel.typed_data(), y.typed_data());
  } catch (const dnnl::error& e) {
    return ffi::Error::Internal(std::string("oneDNN: ") + e.what());
  }
  return ffi::Error::Success();
}

ffi::Error Forward(Array x, Array kernel, Result y, int64_t pad) {
  return Run(kForward, x, kernel, *y, pad);
}

ffi::Error InputGrad(Array y, Array kernel, Result x, int64_t pad) {
  return Run(kInputGrad, *x, kernel, y, pad);
}

ffi::Error KernelGrad(Array x, Array y, Result kernel, int64_t pad) {
  return Run(kKernelGrad, x, *kernel, y, pad);
}

}  // namespace

#define DEFINE(name, function)                            \
  XLA_FFI_DEFINE_HANDLER_SYMBOL(name, function,           \
                                ffi::Ffi::Bind()          \
                                    .Arg<Array>()         \
                                    .Arg<Array>()         \
                                    .Ret<Array>()         \
                                    .Attr<int64_t>("pad"))

DEFINE(mnist_jax_forward, Forward);
DEFINE(mnist_jax_input_grad, InputGrad);
DEFINE(mnist_jax_kernel_grad, KernelGrad);
