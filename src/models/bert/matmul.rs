//! Matrix products on `gemm`, behind one safe function that checks every extent first.

/// A matrix seen through strides: element (r, c) is `data[r * rows + c * columns]`.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub data: &'a [f32],
    /// Distance between rows.
    pub rows: usize,
    /// Distance between columns.
    pub columns: usize,
}

/// What becomes of the values that the target holds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Into {
    Overwrite,
    Add,
}

/// `target (+)= a·b`, where `a` is `m × k`, `b` is `k × n`, and row r of the target
/// starts at `r * stride`.
///
/// # Panics
///
/// When a matrix does not fit its slice, or `stride < n`.
pub(super) fn product(
    (m, k, n): (usize, usize, usize),
    a: View<'_>,
    b: View<'_>,
    target: &mut [f32],
    stride: usize,
    into: Into,
) {
    if m == 0 || n == 0 {
        return;
    }
    assert!(stride >= n, "rows of the target overlap");
    assert!(fits(target.len(), m, stride, n, 1), "the target is too short");
    assert!(
        fits(a.data.len(), m, a.rows, k, a.columns),
        "the left matrix is too short"
    );
    assert!(
        fits(b.data.len(), k, b.rows, n, b.columns),
        "the right matrix is too short"
    );
    // gemm is fastest when the rows of its target are contiguous, so it is given the
    // transposed product: targetᵀ = bᵀ·aᵀ.
    // SAFETY: the assertions prove that every address gemm forms lies inside its slice
    // (the largest index of each matrix is checked, without overflow; all strides are
    // non-negative and slices are at most isize::MAX bytes long, so the casts hold).
    // `target` is borrowed mutably, so it overlaps neither input, and no two of its
    // elements share an address because `stride >= n`.
    #[expect(
        unsafe_code,
        reason = "gemm takes raw pointers; every extent is checked above"
    )]
    unsafe {
        gemm::gemm(
            n,
            m,
            k,
            target.as_mut_ptr(),
            stride as isize,
            1,
            into == Into::Add,
            b.data.as_ptr(),
            b.rows as isize,
            b.columns as isize,
            a.data.as_ptr(),
            a.rows as isize,
            a.columns as isize,
            1.0,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

/// Whether an `m × n` matrix with these strides lies inside `len` elements.
fn fits(len: usize, m: usize, rows: usize, n: usize, columns: usize) -> bool {
    let (Some(m), Some(n)) = (m.checked_sub(1), n.checked_sub(1)) else {
        return true;
    };
    let last = m
        .checked_mul(rows)
        .and_then(|r| r.checked_add(n.checked_mul(columns)?));
    last.is_some_and(|last| last < len)
}

/// A linear layer, its weights turned to `input × output` so that a token's output is
/// contiguous in both.
pub(super) struct Linear {
    input: usize,
    output: usize,
    weights: Vec<f32>,
    pub bias: Vec<f32>,
}

impl Linear {
    /// From weights as they are stored: `output` rows of `input`.
    pub(super) fn new(input: usize, bias: Vec<f32>, stored: &[f32]) -> Self {
        let output = bias.len();
        let mut weights = vec![0.0; input * output];
        // Blocks, so that both sides stay in the cache.
        const BLOCK: usize = 32;
        for first in (0..output).step_by(BLOCK) {
            for (i, row) in weights.chunks_exact_mut(output).enumerate() {
                for (o, value) in row[first..output.min(first + BLOCK)].iter_mut().enumerate() {
                    *value = stored[(first + o) * input + i];
                }
            }
        }
        Self {
            input,
            output,
            weights,
            bias,
        }
    }

    /// `target (+)= x·weights` for the rows of `x`; the bias is left to the caller, who
    /// adds it where the values are read next.
    pub(super) fn apply(&self, x: &[f32], target: &mut [f32], into: Into) {
        let a = View {
            data: x,
            rows: self.input,
            columns: 1,
        };
        let b = View {
            data: &self.weights,
            rows: self.output,
            columns: 1,
        };
        let size = (x.len() / self.input, self.input, self.output);
        product(size, a, b, target, self.output, into);
    }
}
