//! The element by element parts of the encoder: activation, softmax, layer norm and
//! pooling. Written on portable vectors with the widest instructions that the CPU has,
//! chosen at run time: naive loops cost as much as the matrix products.

use pulp::{Arch, Simd, WithSimd};

/// The activation between the two halves of the feed-forward block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Activation {
    /// x·Φ(x) with the exact error function.
    Gelu,
    /// The tanh approximation of GELU (`gelu_new`).
    GeluTanh,
    Relu,
}

/// `x ← activation(x + bias)` on rows of `bias.len()`.
pub(super) fn activate(kind: Activation, x: &mut [f32], bias: &[f32]) {
    Arch::new().dispatch(Activate { kind, x, bias });
}

/// `x ← x + bias` on the first `bias.len()` of every `stride` values.
pub(super) fn add_bias(x: &mut [f32], stride: usize, bias: &[f32]) {
    Arch::new().dispatch(AddBias { x, stride, bias });
}

/// `scores ← exp(scores − max)` on rows of `width`; the inverse of each row's sum is
/// left in `inverse`, to be applied to the (shorter) rows of the product with the values.
pub(super) fn exponentials(scores: &mut [f32], width: usize, inverse: &mut [f32]) {
    Arch::new().dispatch(Exponentials {
        scores,
        width,
        inverse,
    });
}

/// The layer norm of `x + bias`, in place, on rows of `gain.len()`.
pub(super) fn layer_norm(x: &mut [f32], bias: &[f32], gain: &[f32], shift: &[f32], epsilon: f32) {
    Arch::new().dispatch(LayerNorm {
        x,
        bias,
        gain,
        shift,
        epsilon,
    });
}

/// Multiplies by a factor.
pub(super) fn scale(x: &mut [f32], factor: f32) {
    for value in x {
        *value *= factor;
    }
}

/// Adds `b` to `a`, element by element.
pub(super) fn add(a: &mut [f32], b: &[f32]) {
    for (a, b) in a.iter_mut().zip(b) {
        *a += b;
    }
}

/// 2^f on [-½, ½] by a polynomial, relative error below 10⁻⁷ (minimax fit).
const EXP2: [f32; 6] = [
    1.0,
    std::f32::consts::LN_2,
    0.240_222_42,
    0.055_507_336,
    0.009_671_513,
    0.001_326_472_7,
];

/// e^x for x ≤ 0 (anything below -87 counts as -87).
#[inline(always)]
fn exp<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    // Adding this leaves `127 + the nearest whole number` in the low bits of the sum,
    // the exponent of the power of two once they are shifted up.
    const ROUND: f32 = 12_582_912.0 + 127.0;
    let x = simd.max_f32s(x, simd.splat_f32s(-87.0));
    let y = simd.mul_f32s(x, simd.splat_f32s(std::f32::consts::LOG2_E));
    let rounded = simd.add_f32s(y, simd.splat_f32s(ROUND));
    let fraction = simd.mul_add_f32s(
        x,
        simd.splat_f32s(std::f32::consts::LOG2_E),
        simd.neg_f32s(simd.sub_f32s(rounded, simd.splat_f32s(ROUND))),
    );
    let power = simd.wrapping_dyn_shl_u32s(simd.transmute_u32s_f32s(rounded), simd.splat_u32s(23));
    let value = polynomial(simd, fraction, &EXP2);
    simd.mul_f32s(value, simd.transmute_f32s_u32s(power))
}

/// The polynomial with these coefficients, lowest first (Horner).
#[inline(always)]
fn polynomial<S: Simd, const N: usize>(simd: S, x: S::f32s, coefficients: &[f32; N]) -> S::f32s {
    let mut value = simd.splat_f32s(coefficients[N - 1]);
    for &coefficient in coefficients[..N - 1].iter().rev() {
        value = simd.mul_add_f32s(value, x, simd.splat_f32s(coefficient));
    }
    value
}

/// erf(z) ≈ z·P(z²)/Q(z²) for |z| ≤ 3.9 (minimax fit, error 1.5·10⁻⁸ before rounding).
const ERF_P: [f32; 6] = [
    std::f32::consts::FRAC_2_SQRT_PI,
    0.191_940_62,
    0.052_966_878,
    0.003_836_862_5,
    0.000_287_457_34,
    2.050_394_9e-6,
];
const ERF_Q: [f32; 6] = [
    1.0,
    0.503_434_7,
    0.114_758_05,
    0.015_109_175,
    0.001_181_731_9,
    3.823_083e-5,
];
/// Beyond it erf is 1 to within single precision.
const ERF_END: f32 = 3.9;

/// A function of one vector. A type, not a function value: only so does the compiler
/// inline it into code for the chosen instructions.
trait Function {
    fn of<S: Simd>(simd: S, x: S::f32s) -> S::f32s;
}

struct Gelu;

impl Function for Gelu {
    #[inline(always)]
    fn of<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
        let z = simd.mul_f32s(x, simd.splat_f32s(std::f32::consts::FRAC_1_SQRT_2));
        let z = simd.min_f32s(z, simd.splat_f32s(ERF_END));
        let z = simd.max_f32s(z, simd.splat_f32s(-ERF_END));
        let square = simd.mul_f32s(z, z);
        let above = simd.mul_f32s(z, polynomial(simd, square, &ERF_P));
        let erf = simd.div_f32s(above, polynomial(simd, square, &ERF_Q));
        let half = simd.mul_f32s(x, simd.splat_f32s(0.5));
        simd.mul_add_f32s(half, erf, half)
    }
}

struct GeluTanh;

impl Function for GeluTanh {
    #[inline(always)]
    fn of<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
        // ½x(1 + tanh u) = x·σ(2u); σ through e^-|2u|, which cannot overflow.
        const TWICE_ROOT: f32 = 1.595_769;
        let square = simd.mul_f32s(x, x);
        let inner = simd.mul_add_f32s(square, simd.splat_f32s(0.044_715), simd.splat_f32s(1.0));
        let u = simd.mul_f32s(simd.mul_f32s(x, inner), simd.splat_f32s(TWICE_ROOT));
        let e = exp(simd, simd.neg_f32s(simd.abs_f32s(u)));
        let one = simd.splat_f32s(1.0);
        let share = simd.div_f32s(one, simd.add_f32s(one, e));
        let positive = simd.greater_than_or_equal_f32s(u, simd.splat_f32s(0.0));
        let sigmoid = simd.select_f32s(positive, share, simd.mul_f32s(e, share));
        simd.mul_f32s(x, sigmoid)
    }
}

struct Relu;

impl Function for Relu {
    #[inline(always)]
    fn of<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
        simd.max_f32s(x, simd.splat_f32s(0.0))
    }
}

struct Activate<'a> {
    kind: Activation,
    x: &'a mut [f32],
    bias: &'a [f32],
}

impl Activate<'_> {
    #[inline(always)]
    fn rows<F: Function, S: Simd>(self, simd: S) {
        let (bias, bias_tail) = S::as_simd_f32s(self.bias);
        for row in self.x.chunks_exact_mut(self.bias.len()) {
            let (body, tail) = S::as_mut_simd_f32s(row);
            for (x, bias) in body.iter_mut().zip(bias) {
                *x = F::of(simd, simd.add_f32s(*x, *bias));
            }
            if !tail.is_empty() {
                let last = simd.add_f32s(simd.partial_load_f32s(tail), simd.partial_load_f32s(bias_tail));
                simd.partial_store_f32s(tail, F::of(simd, last));
            }
        }
    }
}

impl WithSimd for Activate<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match self.kind {
            Activation::Gelu => self.rows::<Gelu, S>(simd),
            Activation::GeluTanh => self.rows::<GeluTanh, S>(simd),
            Activation::Relu => self.rows::<Relu, S>(simd),
        }
    }
}

struct AddBias<'a> {
    x: &'a mut [f32],
    stride: usize,
    bias: &'a [f32],
}

impl WithSimd for AddBias<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (bias, bias_tail) = S::as_simd_f32s(self.bias);
        for row in self.x.chunks_exact_mut(self.stride) {
            let (body, tail) = S::as_mut_simd_f32s(&mut row[..self.bias.len()]);
            for (x, bias) in body.iter_mut().zip(bias) {
                *x = simd.add_f32s(*x, *bias);
            }
            add(tail, bias_tail);
        }
    }
}

struct Exponentials<'a> {
    scores: &'a mut [f32],
    width: usize,
    inverse: &'a mut [f32],
}

impl WithSimd for Exponentials<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        for (row, inverse) in self
            .scores
            .chunks_exact_mut(self.width)
            .zip(self.inverse.iter_mut())
        {
            let (body, tail) = S::as_mut_simd_f32s(row);
            let mut largest = simd.splat_f32s(f32::NEG_INFINITY);
            for x in &*body {
                largest = simd.max_f32s(largest, *x);
            }
            let largest = tail.iter().fold(simd.reduce_max_f32s(largest), |a, b| a.max(*b));
            let negated = simd.splat_f32s(-largest);
            let mut sum = simd.splat_f32s(0.0);
            for x in body {
                *x = exp(simd, simd.add_f32s(*x, negated));
                sum = simd.add_f32s(sum, *x);
            }
            let last = simd.add_f32s(simd.partial_load_f32s(tail), negated);
            simd.partial_store_f32s(tail, exp(simd, last));
            *inverse = 1.0 / (simd.reduce_sum_f32s(sum) + tail.iter().sum::<f32>());
        }
    }
}

struct LayerNorm<'a> {
    x: &'a mut [f32],
    bias: &'a [f32],
    gain: &'a [f32],
    shift: &'a [f32],
    epsilon: f32,
}

impl WithSimd for LayerNorm<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let width = self.gain.len();
        let (bias, bias_tail) = S::as_simd_f32s(self.bias);
        let (gain, gain_tail) = S::as_simd_f32s(self.gain);
        let (shift, shift_tail) = S::as_simd_f32s(self.shift);
        for row in self.x.chunks_exact_mut(width) {
            let (body, tail) = S::as_mut_simd_f32s(row);
            let mut sum = simd.splat_f32s(0.0);
            for (x, bias) in body.iter_mut().zip(bias) {
                *x = simd.add_f32s(*x, *bias);
                sum = simd.add_f32s(sum, *x);
            }
            add(tail, bias_tail);
            let mean = (simd.reduce_sum_f32s(sum) + tail.iter().sum::<f32>()) / width as f32;
            let negated = simd.splat_f32s(-mean);
            let mut squares = simd.splat_f32s(0.0);
            for x in body.iter_mut() {
                *x = simd.add_f32s(*x, negated);
                squares = simd.mul_add_f32s(*x, *x, squares);
            }
            let mut rest = 0.0;
            for x in tail.iter_mut() {
                *x -= mean;
                rest += *x * *x;
            }
            let variance = (simd.reduce_sum_f32s(squares) + rest) / width as f32;
            let inverse = 1.0 / (variance + self.epsilon).sqrt();
            let factor = simd.splat_f32s(inverse);
            for ((x, gain), shift) in body.iter_mut().zip(gain).zip(shift) {
                *x = simd.mul_add_f32s(simd.mul_f32s(*x, factor), *gain, *shift);
            }
            for ((x, gain), shift) in tail.iter_mut().zip(gain_tail).zip(shift_tail) {
                *x = *x * inverse * gain + shift;
            }
        }
    }
}
