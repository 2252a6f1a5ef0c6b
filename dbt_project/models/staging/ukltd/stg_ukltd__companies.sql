with

source as (

    select * from {{ source('ukltd', 'ci01') }}
    where {{ delivered_and_not_yet_typed() }}

),

trimmed as (

    select
        {{ trimmed_columns('ci01') }}
    from source

),

typed as (

    select
        {{ typed_columns('ci01') }}
    from trimmed

),

final as (

    select
        {{ staged_columns('ci01') }}
    from typed

)

select * from final
