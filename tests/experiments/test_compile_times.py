import chex
import compile_times
import jax


def test_the_plain_update_that_compile_times_compares_with_keeps_the_shapes_of_its_state():
    function, (state, batch) = compile_times.plain()
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):  # plain code relies on both
        after, _ = jax.eval_shape(function, state, batch)
    chex.assert_trees_all_equal_shapes_and_dtypes(after, state)


def test_compile_times_compares_an_update_and_what_a_run_compiles_of_each_method():
    names = [name for name, _ in compile_times.programs()]
    assert names == [
        "plain mtsac update",
        *(f"{method} {program}" for method in compile_times.METHODS for program in ("update", "learn")),
        "mtsac learn, nothing drawn",
    ]
