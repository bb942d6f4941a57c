//! What the processor has and `pulp` doesn't offer: fetching ahead, and the instructions that
//! count the bits of eight words at once (x86 since Ice Lake, 2019, and Zen 4, 2022). Elsewhere
//! nothing is fetched ahead, and `pulp` finds the widest instructions that there are.

use crate::codes::Likely;

#[cfg(target_arch = "x86_64")]
pub(crate) use x86::{fetch, show};

/// Has memory brought in that is read soon; more than there is, is nothing.
#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn fetch<T>(_: Option<&[T]>) {}

/// Shows the likely ones, unless the processor can't.
#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn show(likely: Likely<'_>) -> Result<(), Likely<'_>> {
    Err(likely)
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        __m512i, _MM_HINT_T0, _mm_prefetch, _mm512_add_epi64, _mm512_and_si512, _mm512_cvtepi64_ps,
        _mm512_popcnt_epi64, _mm512_set1_epi64, _mm512_setzero_si512, _mm512_slli_epi64, _mm512_xor_si512,
    };

    use pulp::cast;

    use super::Likely;
    use crate::codes::{Counts, LANES};

    /// Bytes that come from memory at once.
    const LINE: usize = 64;

    /// Has memory brought in that is read soon; more than there is, is nothing.
    #[inline(always)]
    pub(crate) fn fetch<T>(of: Option<&[T]>) {
        let Some(of) = of else { return };
        let start = of.as_ptr().cast::<i8>();
        for at in (0..size_of_val(of)).step_by(LINE) {
            #[expect(unsafe_code, reason = "a hint: nothing is read, whatever the address")]
            unsafe {
                _mm_prefetch::<_MM_HINT_T0>(start.wrapping_add(at));
            }
        }
    }

    /// Shows the likely ones, unless the processor can't.
    pub(crate) fn show(likely: Likely<'_>) -> Result<(), Likely<'_>> {
        let can = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512vpopcntdq")
            && is_x86_feature_detected!("avx2");
        if !can {
            return Err(likely);
        }
        #[expect(unsafe_code, reason = "the processor has just been asked for each of them")]
        unsafe {
            counted(likely);
        }
        Ok(())
    }

    #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512vpopcntdq,avx2")]
    fn counted(likely: Likely<'_>) {
        let asked = likely.asked;
        let all = |word: &u64| _mm512_set1_epi64(word.cast_signed());
        let apart = |code: &[[u64; LANES]]| -> Counts {
            let (mut apart, mut far_apart) = (_mm512_setzero_si512(), _mm512_setzero_si512());
            for (words, [side, far]) in code.iter().zip(&asked.sides) {
                let differs = _mm512_xor_si512(lanes(words), all(side));
                apart = _mm512_add_epi64(apart, _mm512_popcnt_epi64(differs));
                let far = _mm512_and_si512(differs, all(far));
                far_apart = _mm512_add_epi64(far_apart, _mm512_popcnt_epi64(far));
            }
            [
                cast(_mm512_cvtepi64_ps(apart)),
                cast(_mm512_cvtepi64_ps(far_apart)),
            ]
        };
        let weighed = |code: &[[u64; LANES]]| -> Counts {
            let (mut bits, mut weighed) = (_mm512_setzero_si512(), _mm512_setzero_si512());
            for (words, planes) in code.iter().zip(&asked.planes) {
                let words = lanes(words);
                bits = _mm512_add_epi64(bits, _mm512_popcnt_epi64(words));
                // Each plane weighs twice the one before.
                let mut sum = _mm512_setzero_si512();
                for plane in planes.iter().rev() {
                    let set = _mm512_popcnt_epi64(_mm512_and_si512(words, all(plane)));
                    sum = _mm512_add_epi64(_mm512_slli_epi64::<1>(sum), set);
                }
                weighed = _mm512_add_epi64(weighed, sum);
            }
            [cast(_mm512_cvtepi64_ps(bits)), cast(_mm512_cvtepi64_ps(weighed))]
        };
        likely.everywhere(apart, weighed);
    }

    #[inline(always)]
    fn lanes(words: &[u64; LANES]) -> __m512i {
        cast(*words)
    }
}
